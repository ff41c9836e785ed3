// The labelled objects of an image: those of a dataset, and those that the user draws, types or takes from detections.

/** @import { Box, LabelledObject, Point } from "../../shared/api.d.ts" */
/** @import { Context } from "../part.js" */

import { announce } from "../../shared/announce.js";
import { boxShape } from "../../shared/boxes.js";
import { button, byId, fill, h } from "../../shared/dom.js";
import { colorOf } from "../../shared/palette.js";
import { count, pixels } from "../../shared/text.js";

const MIN_SIDE = 2; // pixels
const TOO_SMALL =
  `The box is too small. Make it at least ${MIN_SIDE} pixels wide and high inside the image, ` +
  "with its right and bottom edge beyond its left and top edge.";

export class ObjectEditor {
  #context;
  #onchange;
  #classes = byId("draw-class", HTMLSelectElement);
  #toggle = byId("draw-box");
  /** @type {Box | null} The box that is being drawn. */
  #rubber = null;

  /**
   * @param {Context} context
   * @param {() => void} onchange Called when the objects have changed.
   */
  constructor(context, onchange) {
    this.#context = context;
    this.#onchange = onchange;
    fill(
      this.#classes,
      context.app.model.classes.map((name) => h("option", {}, name)),
    );
    this.#listen();
  }

  /**
   * Show the list of objects.
   *
   * @param {number | null} chosen Position of the chosen one. Null if all are chosen.
   * @param {(i: number | null) => void} choose
   */
  render(chosen, choose) {
    const { objects } = this;
    byId("no-objects").hidden = objects.length > 0;
    byId("use-detections").hidden = objects.length > 0;
    fill(
      byId("object-list"),
      objects.length > 1 &&
        h(
          "li",
          {},
          pill("object-all", chosen === null, () => choose(null), "All"),
        ),
      objects.map((object, i) => this.#item(object, i, { pressed: i === chosen, onclick: () => choose(i) })),
    );
  }

  /** The box that is being drawn, over the image. */
  shapes() {
    return this.#rubber ? [boxShape(this.#rubber, { color: this.#colorOf(this.#classes.value), kind: "dashed" })] : [];
  }

  stopDrawing() {
    this.#setDrawing(false);
  }

  get objects() {
    return this.#context.app.images.current?.objects ?? [];
  }

  #listen() {
    this.#toggle.addEventListener("click", () => this.#setDrawing(this.#toggle.ariaPressed !== "true"));
    byId("use-detections").addEventListener("click", () => this.#useDetections());
    byId("typed-box").addEventListener("submit", (event) => {
      event.preventDefault();
      const [x0, y0, x1, y1] = ["x0", "y0", "x1", "y1"].map((id) => Number(byId(id, HTMLInputElement).value));
      this.#add([x0, y0, x1, y1]);
    });
  }

  #useDetections() {
    const { images, thresholds } = this.#context.app;
    const shown = images.current?.detections.filter((one) => thresholds.shows(one)) ?? [];
    this.#set(shown.map(({ name, box }) => ({ name, box })));
  }

  /** @param {boolean} on */
  #setDrawing(on) {
    const { stage } = this.#context;
    this.#toggle.ariaPressed = `${on}`;
    stage.drag = on ? (from, to, done) => this.#drag(from, to, done) : null;
    stage.fit();
  }

  /**
   * @param {Point} from
   * @param {Point} to
   * @param {boolean} done
   */
  #drag([ax, ay], [bx, by], done) {
    /** @type {Box} */
    const box = [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
    this.#rubber = done ? null : box;
    if (done) this.#add(box);
    this.#context.draw();
  }

  /**
   * Add an object of the selected class, cut off at the edges of the image.
   *
   * @param {Box} wanted
   */
  #add([x0, y0, x1, y1]) {
    const [width, height] = this.#context.stage.size;
    /** @type {Box} */
    const box = [within(x0, width), within(y0, height), within(x1, width), within(y1, height)];
    const valid = box[2] - box[0] >= MIN_SIDE && box[3] - box[1] >= MIN_SIDE;
    byId("box-problem").textContent = valid ? "" : TOO_SMALL;
    if (valid) this.#set([...this.objects, { name: this.#classes.value, box }]);
  }

  /** @param {LabelledObject[]} objects */
  #set(objects) {
    this.#context.app.images.current?.relabel(objects);
    announce(`${count(objects.length, "labelled object")}.`);
    this.#onchange();
  }

  /**
   * @param {LabelledObject} object
   * @param {number} i
   * @param {{ pressed: boolean, onclick: () => void }} choice
   */
  #item({ name, box }, i, { pressed, onclick }) {
    const attributes = {
      class: "close",
      "aria-label": `Delete object ${i + 1}, ${name}, at ${pixels(box)}`,
      title: "Delete",
      onclick: () => this.#set(this.objects.filter((_, j) => j !== i)),
    };
    return h(
      "li",
      { color: this.#colorOf(name) },
      pill(`object-${i}`, pressed, onclick, h("span", { class: "swatch" }), `${i + 1} ${name}`),
      button(attributes, "×"),
    );
  }

  /** @param {string} name */
  #colorOf(name) {
    return colorOf(this.#context.app.model.classes.indexOf(name));
  }
}

/**
 * @param {string} key
 * @param {boolean} pressed
 * @param {() => void} onclick
 * @param {(Node | string)[]} content
 */
const pill = (key, pressed, onclick, ...content) =>
  button({ class: "pill", "aria-pressed": `${pressed}`, "data-key": key, onclick }, ...content);

/**
 * @param {number} value
 * @param {number} length
 */
const within = (value, length) => Math.min(length, Math.max(0, value));
