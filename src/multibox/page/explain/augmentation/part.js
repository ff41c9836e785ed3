// Augmentation: each step before and after, for a seed.

/** @import { AugmentedImage, Box, TrainingApi } from "../../shared/api.d.ts" */
/** @import { OpenImage } from "../../shared/images.js" */
/** @import { Context } from "../part.js" */

import { announce } from "../../shared/announce.js";
import { byId, fill } from "../../shared/dom.js";
import { LatestRequest } from "../../shared/timing.js";
import { Part } from "../part.js";
import { stepItem } from "./step.js";

const SEEDS = 100_000; // among which a new one is drawn

export class AugmentationPart extends Part {
  #request = new LatestRequest();
  #api;
  #seed = byId("seed", HTMLInputElement);
  #steps = byId("steps");

  /**
   * @param {Context} context
   * @param {TrainingApi} api
   */
  constructor(context, api) {
    super(context);
    this.#api = api;
    byId("new-seed").addEventListener("click", () => {
      this.#seed.value = `${Math.floor(Math.random() * SEEDS)}`;
      this.#augment();
    });
    byId("seed-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#augment();
    });
  }

  /**
   * @override
   * @param {OpenImage} image
   */
  enter(image) {
    fill(this.#steps);
    byId("augmentation-unlabelled").hidden = image.objects.length > 0;
    return this.#augment();
  }

  /** Augment the image with the seed of the form. */
  async #augment() {
    const { image } = this;
    const signal = this.#request.begin();
    this.#steps.ariaBusy = "true";
    try {
      const answer = await this.#api.augmentation(image.subject, Number(this.#seed.value) || 0, signal);
      if (signal.aborted) return;
      if (this.isCurrent(image)) this.#show(image, answer);
    } catch (error) {
      if (signal.aborted) return;
      this.context.fail(error);
    }
    this.#steps.ariaBusy = null;
  }

  /**
   * @param {OpenImage} image
   * @param {AugmentedImage} answer
   */
  #show({ objects, width, height }, { seed, steps }) {
    const { classes } = this.context.app.model;
    const before = objects.map(({ name, box: [x0, y0, x1, y1] }) => ({
      name,
      box_rel: /** @type {Box} */ ([x0 / width, y0 / height, x1 / width, y1 / height]),
    }));
    this.context.fail(null);
    fill(
      this.#steps,
      steps.map((step, i) => stepItem(step, i ? steps[i - 1].objects : before, classes)),
    );
    announce(`Seed ${seed}: ${steps.filter(({ did }) => did).length} of ${steps.length} steps changed the image.`);
  }
}
