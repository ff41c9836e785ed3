// Dataset: the images of a dataset with their labelled objects and mistakes.

/** @import { DatasetImage, DatasetPage, TrainingApi } from "../shared/api.d.ts" */
/** @import { App } from "../shared/app.js" */

import { announce } from "../shared/announce.js";
import { byId, fill, h } from "../shared/dom.js";
import { count, messageOf, whole } from "../shared/text.js";
import { LatestRequest } from "../shared/timing.js";
import { imageCard } from "./card.js";
import { DatasetFilters } from "./filters.js";

const PAGE = 24; // images
const WIDTH = 400; // pixels of a thumbnail
const LEGENDS = {
  "": "",
  missed: "Missed objects have a dotted white outline.",
  false: "False positives have a dashed white outline.",
  mislabelled: "Detections of the wrong class have a dashed white outline.",
};

export class DatasetView {
  #app;
  #api;
  #filters = new DatasetFilters(() => this.#turn(0));
  #request = new LatestRequest();
  #gallery = byId("gallery");
  #earlier = byId("previous", HTMLButtonElement);
  #later = byId("next", HTMLButtonElement);
  #loaded = false;
  /** The position of the first image of the page. */
  #offset = 0;
  /** @type {string[]} Of the thumbnails. */
  #urls = [];

  /**
   * @param {App} app
   * @param {TrainingApi} api
   */
  constructor(app, api) {
    this.#app = app;
    this.#api = api;
    this.#earlier.addEventListener("click", () => this.#turn(this.#offset - PAGE));
    this.#later.addEventListener("click", () => this.#turn(this.#offset + PAGE));
  }

  async open() {
    if (this.#loaded) return;
    try {
      const datasets = await this.#api.datasets();
      if (this.#loaded) return; // it was opened twice
      this.#loaded = true;
      byId("no-datasets").hidden = datasets.length > 0;
      byId("dataset-work").hidden = !datasets.length;
      if (!datasets.length) return;
      this.#filters.setDatasets(datasets);
      this.#turn(0);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {number} offset */
  async #turn(offset) {
    this.#offset = Math.max(0, offset);
    const signal = this.#request.begin();
    this.#gallery.ariaBusy = "true";
    byId("gallery-count").textContent = "Loading…";
    try {
      const query = { ...this.#filters.query, offset: this.#offset, limit: PAGE };
      const page = await this.#api.datasetImages(query, signal);
      if (signal.aborted) return;
      this.#render(page, signal);
      this.#fail(null);
    } catch (error) {
      if (signal.aborted) return;
      this.#fail(error);
    }
    this.#gallery.ariaBusy = null;
  }

  /**
   * @param {DatasetPage} page
   * @param {AbortSignal} signal
   */
  #render(page, signal) {
    const { images, objects, classes } = this.#filters.dataset;
    const counts = [count(images, "image"), count(objects, "object"), count(classes.length, "class", "classes")];
    byId("dataset-size").textContent = `${counts.join(", ")}.`;
    byId("mistake-legend").textContent = LEGENDS[this.#filters.mistake];
    this.#renderPager(page);
    this.#urls.forEach((url) => URL.revokeObjectURL(url));
    this.#urls = [];
    fill(
      this.#gallery,
      page.images.map((image) => this.#card(image, signal)),
    );
  }

  /** @param {DatasetPage} page */
  #renderPager({ total, images }) {
    const last = this.#offset + images.length;
    const text = total
      ? `${whole(this.#offset + 1)} to ${whole(last)} of ${count(total, "image")}`
      : "No image matches these filters.";
    byId("gallery-count").textContent = text;
    announce(text);
    this.#earlier.disabled = this.#offset === 0;
    this.#later.disabled = last >= total;
  }

  /**
   * @param {DatasetImage} image
   * @param {AbortSignal} signal Aborted when the page is turned.
   */
  #card(image, signal) {
    const { name: data } = this.#filters.dataset;
    const thumbnail = h("img", { alt: "", width: image.width, height: image.height });
    this.#load(thumbnail, data, image.id, signal);
    return imageCard(image, {
      thumbnail,
      mistake: this.#filters.mistake,
      classes: this.#app.model.classes,
      open: (hash) => this.#openIn(hash, data, image),
    });
  }

  /**
   * @param {HTMLImageElement} thumbnail
   * @param {string} data
   * @param {string} id
   * @param {AbortSignal} signal
   */
  async #load(thumbnail, data, id, signal) {
    try {
      const blob = await this.#api.datasetImage({ data, id }, WIDTH);
      if (signal.aborted) return;
      thumbnail.src = URL.createObjectURL(blob);
      this.#urls.push(thumbnail.src);
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * Open an image in another view.
   *
   * @param {string} hash
   * @param {string} data
   * @param {DatasetImage} image
   */
  async #openIn(hash, data, image) {
    try {
      const source = { data, id: image.id };
      await this.#app.images.openLabelled(source, image.objects, () => this.#api.datasetImage(source));
      location.hash = hash;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {unknown} error Null removes the last one. */
  #fail(error) {
    byId("dataset-error").textContent = error === null ? "" : messageOf(error);
  }
}
