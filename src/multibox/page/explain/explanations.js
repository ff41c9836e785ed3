// The explained detections of the open images.

/** @import { Api, ExplainedImage } from "../shared/api.d.ts" */
/** @import { OpenImage } from "../shared/images.js" */

import { LOWEST_SCORE } from "../shared/images.js";

export class Explanations {
  /** @type {WeakMap<OpenImage, Promise<ExplainedImage>>} */
  #known = new WeakMap();
  #api;

  /** @param {Api} api */
  constructor(api) {
    this.#api = api;
  }

  /**
   * Explain the detections of an image. Only a failed request is repeated.
   *
   * @param {OpenImage} image Its `window` is set.
   */
  of(image) {
    let known = this.#known.get(image);
    if (!known) {
      known = this.#request(image);
      this.#known.set(image, known);
      known.catch(() => this.#known.delete(image));
    }
    return known;
  }

  /** @param {OpenImage} image */
  async #request(image) {
    const answer = await this.#api.explainDetections(image.file, LOWEST_SCORE);
    image.window = answer.window;
    return answer;
  }
}
