// Matching: which priors are trained on which object, and which of the background have the highest loss.

/** @import { TrainingApi } from "../../shared/api.d.ts" */
/** @import { Context } from "../part.js" */
/** @import { Listed, Matched } from "./numbered.js" */

import { captionShapes } from "../../shared/captions.js";
import { byId } from "../../shared/dom.js";
import { LatestRequest } from "../../shared/timing.js";
import { Part } from "../part.js";
import {
  highlightCaption,
  highlightShape,
  negativeShapes,
  objectCaptions,
  objectShapes,
  positiveShapes,
} from "./drawing.js";
import { numbered, positivesOf } from "./numbered.js";
import { ObjectEditor } from "./objects.js";
import { renderBest, renderCounts, renderNegatives, renderPositives } from "./tables.js";

export class MatchingPart extends Part {
  /** @type {Matched | null} */
  #answer = null;
  /** @type {number | null} Position of the chosen object. Null if all are chosen. */
  #chosen = null;
  /** @type {Listed | null} The prior that is pointed at. */
  #highlighted = null;
  #request = new LatestRequest();
  #api;
  #showPositives = byId("show-positives", HTMLInputElement);
  #showNegatives = byId("show-negatives", HTMLInputElement);
  #editor;

  /**
   * @param {Context} context
   * @param {TrainingApi} api
   */
  constructor(context, api) {
    super(context);
    this.#api = api;
    this.#editor = new ObjectEditor(context, () => this.#match());
    this.#showPositives.addEventListener("change", context.draw);
    this.#showNegatives.addEventListener("change", context.draw);
  }

  /** @override */
  enter() {
    this.#chosen = 0;
    return this.#match();
  }

  /** @override */
  leave() {
    this.#editor.stopDrawing();
  }

  /** @override */
  update() {
    if (!this.#answer) this.#render();
  }

  /** @override */
  shapes() {
    const { app, stage } = this.context;
    const { objects } = this.image;
    const one = this.#highlighted;
    const faded = one !== null;
    const captions = objectCaptions(objects, this.#chosen, app.model);
    if (one) captions.push(highlightCaption(one));
    return [
      ...(this.#answer && this.#showNegatives.checked ? negativeShapes(this.#answer.negatives, faded) : []),
      ...(this.#showPositives.checked ? positiveShapes(positivesOf(this.#chosenObjects()), faded) : []),
      ...objectShapes(objects, this.#chosen, app.model, faded),
      ...(one ? [highlightShape(one)] : []),
      ...captionShapes(captions, stage.scale, stage.size),
      ...this.#editor.shapes(),
    ];
  }

  /** Match the objects of the image as they are now. */
  async #match() {
    const { image } = this;
    const signal = this.#request.begin();
    this.#answer = null;
    if (this.#chosen !== null && this.#chosen >= image.objects.length) this.#chosen = 0;
    this.#show();
    if (!image.objects.length) return;
    try {
      const answer = await this.#api.matching(image.subject, signal);
      if (signal.aborted || !this.isCurrent(image)) return;
      this.#answer = { ...answer, objects: numbered(answer.objects, image.objects) };
      this.context.fail(null);
      this.#show();
    } catch (error) {
      if (!signal.aborted) this.context.fail(error);
    }
  }

  /** @param {number | null} i */
  #choose(i) {
    this.#chosen = i;
    this.#show();
  }

  #show() {
    this.#highlighted = null;
    this.#render();
    this.context.draw();
  }

  #render() {
    this.#editor.render(this.#chosen, (i) => this.#choose(i));
    byId("matching-result").hidden = !this.#answer;
    if (!this.#answer) return;
    const { model } = this.context.app;
    const objects = this.#chosenObjects();
    renderCounts(this.#answer, model);
    renderBest(objects);
    renderPositives(positivesOf(objects), model, (prior) => this.#highlight(prior));
    renderNegatives(this.#answer.negatives, model, (prior) => this.#highlight(prior));
  }

  #chosenObjects() {
    return this.#answer?.objects.filter(({ i }) => this.#chosen === null || this.#chosen === i) ?? [];
  }

  /** @param {Listed | null} prior */
  #highlight(prior) {
    this.#highlighted = prior;
    this.context.draw();
  }
}
