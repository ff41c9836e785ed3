// The state that the views share.

/** @import { Api, Detection, Model } from "./api.d.ts" */

import { OpenImages } from "./images.js";
import { Thresholds } from "./thresholds.js";

export class App {
  /** @type {Detection | null} The detection that was chosen under Try and is explained next. */
  selected = null;

  /**
   * @param {Api} api
   * @param {Model} model
   */
  constructor(api, model) {
    this.api = api;
    this.model = model;
    this.images = new OpenImages(api);
    this.thresholds = new Thresholds(model);
  }
}
