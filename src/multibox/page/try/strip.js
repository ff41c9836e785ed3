// The strip of open images.

/** @import { App } from "../shared/app.js" */
/** @import { OpenImage } from "../shared/images.js" */

import { button, byId, fill, h } from "../shared/dom.js";
import { count } from "../shared/text.js";

export class ImageStrip {
  #app;
  #list = byId("strip");

  /** @param {App} app */
  constructor(app) {
    this.#app = app;
  }

  render() {
    const { list } = this.#app.images;
    this.#list.hidden = !list.length;
    fill(
      this.#list,
      list.map((image) => h("li", {}, this.#thumbnail(image), this.#close(image))),
    );
  }

  /** @param {OpenImage} image */
  #thumbnail(image) {
    const { images } = this.#app;
    const attributes = {
      class: "thumb",
      "aria-current": image === images.current ? "true" : null,
      "aria-label": `${image.name}, ${this.#status(image)}`,
      title: image.name,
      "data-key": `show-${image.key}`,
      onclick: () => images.choose(image),
    };
    return button(attributes, h("img", { src: image.url, alt: "" }));
  }

  /** @param {OpenImage} image */
  #close(image) {
    const attributes = {
      class: "close",
      "aria-label": `Close ${image.name}`,
      title: "Close",
      "data-key": `close-${image.key}`,
      onclick: () => this.#app.images.close(image),
    };
    return button(attributes, "×");
  }

  /** @param {OpenImage} image */
  #status({ status, detections }) {
    if (status !== "done") return status;
    const { thresholds } = this.#app;
    return count(detections.filter((one) => thresholds.shows(one)).length, "detection");
  }
}
