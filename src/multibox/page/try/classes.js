// The classes found in an image, each of which can be hidden.

/** @import { Detection } from "../shared/api.d.ts" */
/** @import { App } from "../shared/app.js" */

import { byId, fill, h } from "../shared/dom.js";
import { colorOf } from "../shared/palette.js";

/** @typedef {{ name: string, label: number, passing: number }} Found A class and how many detections pass. */

export class ClassFilter {
  #thresholds;

  /** @param {App} app */
  constructor({ model, thresholds }) {
    this.#thresholds = thresholds;
    byId("all-classes").addEventListener("click", () => thresholds.hide([]));
    byId("no-classes").addEventListener("click", () => thresholds.hide(model.classes));
  }

  /** @param {Detection[]} detections */
  render(detections) {
    const found = this.#count(detections);
    byId("class-tools").hidden = found.length < 2;
    fill(
      byId("classes"),
      found.map((one) => this.#checkbox(one)),
      found.length === 0 && h("p", { class: "soft" }, "None yet."),
    );
  }

  /**
   * Count the detections of each class, the most frequent first.
   *
   * @param {Detection[]} detections
   */
  #count(detections) {
    /** @type {Map<string, Found>} */
    const found = new Map();
    for (const detection of detections) {
      const { name, label } = detection;
      const one = found.get(name) ?? { name, label, passing: 0 };
      if (this.#thresholds.passes(detection)) one.passing++;
      found.set(name, one);
    }
    return [...found.values()].sort((a, b) => b.passing - a.passing || a.label - b.label);
  }

  /** @param {Found} found */
  #checkbox({ name, label, passing }) {
    const attributes = {
      type: "checkbox",
      checked: this.#thresholds.isVisible(name),
      "data-key": name,
      onchange: (/** @type {{ target: HTMLInputElement }} */ { target }) =>
        this.#thresholds.setVisible(name, target.checked),
    };
    return h(
      "label",
      { class: "class", color: colorOf(label) },
      h("input", attributes),
      h("span", { class: "swatch" }),
      h("span", {}, name),
      h("span", { class: "tally" }, passing),
    );
  }
}
