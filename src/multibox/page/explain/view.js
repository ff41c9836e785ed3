// Explain: how the detector handles one image, in parts.

/** @import { App } from "../shared/app.js" */
/** @import { OpenImage } from "../shared/images.js" */
/** @import { Pointed } from "../shared/stage.js" */
/** @import { Context, Part } from "./part.js" */

import { announce } from "../shared/announce.js";
import { byId, fill, h, setCurrent } from "../shared/dom.js";
import { Stage } from "../shared/stage.js";
import { messageOf } from "../shared/text.js";
import { Explanations } from "./explanations.js";

const FIRST = "maps";
const MARGIN = 0.06; // priors reach beyond the image
/** @type {Record<string, string>} */
const LABELS = {
  maps: "Image under the cells of a feature map. Arrow keys move from cell to cell",
  detection: "Image with one detection explained. Arrow keys move the image when it is zoomed",
  matching: "Image with labelled objects and the priors matched to them",
};

export class ExplainView {
  #app;
  #stage = new Stage(byId("explain-stage"), {
    label: LABELS[FIRST],
    margin: MARGIN,
    keys: (event) => this.#part?.keys(event) ?? false,
  });
  /** @type {Record<string, Part>} */
  #parts;
  /** @type {string | null} The name of the open part. */
  #name = null;
  /** The image on the stage and its size. */
  #shown = "";

  /**
   * @param {App} app
   * @param {(context: Context) => Record<string, Part>} createParts Creates the parts, by the names that the address
   *   uses. One is named "maps".
   */
  constructor(app, createParts) {
    this.#app = app;
    this.#parts = createParts({
      app,
      stage: this.#stage,
      explanations: new Explanations(app.api),
      draw: () => this.#draw(),
      fail: (error) => this.#fail(error),
    });
    this.#listen();
  }

  /** @param {string} [part] Name of the part. By default, the one that was open last. */
  open(part) {
    const name = part && Object.hasOwn(this.#parts, part) ? part : (this.#name ?? FIRST);
    this.#part?.leave();
    if (name !== this.#name) announce(byId(`${name}-title`).textContent ?? "");
    this.#name = name;
    for (const each of Object.keys(this.#parts)) {
      byId(`part-${each}`).hidden = each !== name;
      setCurrent(byId(`to-${each}`), each === name ? "step" : null);
    }
    byId("explain-work").classList.toggle("plain", name === "augmentation");
    this.#stage.label = LABELS[name] ?? LABELS[FIRST];
    this.#shown = "";
    this.#render();
  }

  get #part() {
    return this.#name === null ? null : this.#parts[this.#name];
  }

  #listen() {
    const { images } = this.#app;
    this.#stage.addEventListener("hover", (event) => this.#part?.hover(pointed(event).point));
    this.#stage.addEventListener("pick", (event) => this.#part?.pick(pointed(event)));
    this.#stage.addEventListener("view", () => this.#draw());
    images.addEventListener("change", () => this.#render());
    const select = byId("explain-image", HTMLSelectElement);
    select.addEventListener("change", () => {
      const image = images.list.find(({ key }) => `${key}` === select.value);
      if (image) images.choose(image);
    });
  }

  #render() {
    const { list, current: image } = this.#app.images;
    byId("explain").classList.toggle("empty", !image);
    byId("explain-work").hidden = !image;
    if (!image || !this.#part || byId("explain").hidden) return;
    const shown = `${image.key} ${image.width} ${image.height}`;
    const fresh = shown !== this.#shown;
    this.#shown = shown;
    if (fresh) this.#stage.show(image);
    fill(
      byId("explain-image"),
      list.map((one) => h("option", { value: one.key, selected: one === image }, one.name)),
    );
    if (image.status === "failed") this.#fail(new Error(image.error));
    else if (fresh) this.#enter(this.#part, image);
    else this.#part.update();
  }

  /**
   * @param {Part} part
   * @param {OpenImage} image
   */
  async #enter(part, image) {
    this.#fail(null);
    this.#stage.drag = null;
    try {
      const entered = part.enter(image);
      this.#draw();
      await entered;
    } catch (error) {
      if (part === this.#part && image === this.#app.images.current) this.#fail(error);
    }
  }

  #draw() {
    if (this.#app.images.current && this.#part) this.#stage.draw(this.#part.shapes());
  }

  /** @param {unknown} error Null removes the last one. */
  #fail(error) {
    byId("explain-error").textContent = error === null ? "" : messageOf(error);
  }
}

/**
 * @param {Event} event
 * @returns {Pointed}
 */
const pointed = (event) => /** @type {CustomEvent<Pointed>} */ (event).detail;
