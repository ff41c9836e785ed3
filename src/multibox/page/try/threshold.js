// The controls of the threshold.

/** @import { Thresholds } from "../shared/thresholds.js" */

import { byId } from "../shared/dom.js";
import { round } from "../shared/text.js";

export class ThresholdPanel {
  #thresholds;
  #slider = byId("score", HTMLInputElement);
  #number = byId("score-number", HTMLInputElement);
  #perClass = byId("per-class", HTMLInputElement);

  /** @param {Thresholds} thresholds */
  constructor(thresholds) {
    this.#thresholds = thresholds;
    byId("per-class-label").hidden = !thresholds.available;
    for (const control of [this.#slider, this.#number])
      control.addEventListener("input", () => thresholds.setScore(control.valueAsNumber));
    this.#perClass.addEventListener("change", () => thresholds.usePerClass(this.#perClass.checked));
    this.render();
  }

  render() {
    const { score, perClass } = this.#thresholds;
    this.#perClass.checked = perClass;
    this.#slider.value = `${score}`;
    if (document.activeElement !== this.#number) this.#number.value = round(score);
  }
}
