// From prior to box: the prior of a detection, the arithmetic of its score and box, and what was removed for it.

/** @import { Detection, ExplainedDetection, ExplainedImage, Removed } from "../../shared/api.d.ts" */
/** @import { OpenImage } from "../../shared/images.js" */
/** @import { Pointed } from "../../shared/stage.js" */
/** @import { Context } from "../part.js" */

import { announce } from "../../shared/announce.js";
import { button, byId, fill, h } from "../../shared/dom.js";
import { colorOf } from "../../shared/palette.js";
import { round, titleOf } from "../../shared/text.js";
import { Part } from "../part.js";
import { renderDecoding } from "./decoding.js";
import { allShapes, cellShapes, decodingShapes, otherShapes, removedShapes } from "./drawing.js";
import { renderPrior } from "./prior.js";
import { renderRemoved } from "./removed.js";
import { renderScores } from "./scores.js";

export class DetectionPart extends Part {
  /** @type {ExplainedImage | null} */
  #answer = null;
  /** @type {ExplainedDetection | null} */
  #chosen = null;
  /** @type {Removed | null} The removed box that is pointed at. */
  #highlighted = null;
  #share = byId("share", HTMLInputElement);
  #showRemoved = byId("show-removed", HTMLInputElement);

  /** @param {Context} context */
  constructor(context) {
    super(context);
    this.#share.addEventListener("input", () => this.#setShare(this.#share.valueAsNumber));
    this.#showRemoved.addEventListener("change", context.draw);
  }

  /**
   * @override
   * @param {OpenImage} image
   */
  async enter(image) {
    this.#answer = this.#chosen = null;
    this.#render();
    const { app, explanations } = this.context;
    const answer = await explanations.of(image).catch((error) => {
      fill(byId("detection-list"));
      throw error;
    });
    if (!this.isCurrent(image)) return;
    this.#answer = answer;
    const selected = app.selected && nearest(answer.detections, app.selected);
    app.selected = null;
    this.#choose(selected ?? this.#shown()[0] ?? null);
  }

  /** @override */
  shapes() {
    const { app, stage } = this.context;
    const { detections = [] } = this.#answer ?? {};
    const chosen = this.#chosen;
    const shown = this.#shown();
    if (!chosen) return allShapes(shown, detections, stage);
    const { window } = this;
    return [
      ...cellShapes(chosen, app.model.maps, window),
      ...otherShapes(
        shown.filter((one) => one !== chosen),
        detections,
      ),
      ...(this.#showRemoved.checked ? removedShapes(chosen, this.#highlighted) : []),
      ...decodingShapes(chosen, this.#share.valueAsNumber, window, stage),
    ];
  }

  /**
   * @override
   * @param {Pointed} pointed
   */
  pick({ target }) {
    const box = target instanceof Element ? target.closest("[data-index]") : null;
    if (box instanceof SVGElement) this.#choose(this.#answer?.detections[Number(box.dataset.index)] ?? null);
  }

  #shown() {
    const { thresholds } = this.context.app;
    return this.#answer?.detections.filter((one) => thresholds.shows(one) || one === this.#chosen) ?? [];
  }

  /** @param {ExplainedDetection | null} detection */
  #choose(detection) {
    this.#chosen = detection;
    this.#highlighted = null;
    this.#render();
    this.#setShare(1);
    if (detection) announce(`${detection.name}, score ${round(detection.score)}, explained.`);
  }

  /** @param {number} share From 0 at the prior to 1 at the detection. */
  #setShare(share) {
    this.#share.value = `${share}`;
    byId("share-value").textContent = `${round(100 * share, 0)}%`;
    this.context.draw();
  }

  /** @param {Removed | null} removed */
  #highlight(removed) {
    this.#highlighted = removed;
    this.context.draw();
  }

  #render() {
    const { model } = this.context.app;
    byId("detection-story").hidden = !this.#chosen;
    this.#renderList();
    if (!this.#chosen || !this.#answer) return;
    renderPrior(this.#chosen, this.#answer, model);
    renderScores(this.#chosen, model);
    renderDecoding(this.#chosen);
    renderRemoved(this.#chosen, model.nms_iou, (removed) => this.#highlight(removed));
  }

  #renderList() {
    const shown = this.#shown();
    const why = this.#answer
      ? "No detection reaches the threshold set under Try. Lower it there, or choose another image."
      : "Detecting…";
    fill(
      byId("detection-list"),
      shown.map((one, i) => this.#pill(one, i)),
      shown.length === 0 && h("p", { class: "soft" }, why),
    );
  }

  /**
   * @param {ExplainedDetection} detection
   * @param {number} i
   */
  #pill(detection, i) {
    const attributes = {
      class: "pill",
      color: colorOf(detection.label),
      "aria-pressed": `${detection === this.#chosen}`,
      "data-key": i,
      onclick: () => this.#choose(detection),
    };
    return button(attributes, h("span", { class: "swatch" }), titleOf(detection));
  }
}

/**
 * The explained detection that is the same as one of Try.
 *
 * @param {ExplainedDetection[]} detections
 * @param {Detection} detection
 */
function nearest(detections, { label, box }) {
  /** @param {Detection} one */
  const distance = (one) => one.box.reduce((sum, value, i) => sum + Math.abs(value - box[i]), 0);
  return detections.filter((one) => one.label === label).sort((a, b) => distance(a) - distance(b))[0] ?? null;
}
