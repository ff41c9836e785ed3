// What the parts of the explanation have in common.

/** @import { Point } from "../shared/api.d.ts" */
/** @import { App } from "../shared/app.js" */
/** @import { OpenImage } from "../shared/images.js" */
/** @import { Pointed, Stage } from "../shared/stage.js" */
/** @import { Explanations } from "./explanations.js" */

import { windowOf } from "./geometry.js";

/**
 * What a part receives from the view. `draw` draws its shapes again. `fail` shows an error, and null removes it.
 *
 * @typedef {{
 *   app: App,
 *   stage: Stage,
 *   explanations: Explanations,
 *   draw: () => void,
 *   fail: (error: unknown) => void,
 * }} Context
 */

/** A part of the explanation. The view calls the open part, and only while an image is open. */
export class Part {
  /** @param {Context} context */
  constructor(context) {
    this.context = context;
  }

  /**
   * Begin to explain an image.
   *
   * @param {OpenImage} _image
   */
  async enter(_image) {}

  /** Stop, because another part opens. */
  leave() {}

  /** Render again, because the image has changed. */
  update() {}

  /**
   * The shapes over the image.
   *
   * @returns {SVGElement[]}
   */
  shapes() {
    return [];
  }

  /**
   * Handle a key.
   *
   * @param {KeyboardEvent} _event
   * @returns {boolean} Whether the key did something.
   */
  keys(_event) {
    return false;
  }

  /**
   * Follow the pointer.
   *
   * @param {Point} _point
   */
  hover(_point) {}

  /**
   * Choose what was clicked.
   *
   * @param {Pointed} _pointed
   */
  pick(_pointed) {}

  /** The image to explain. */
  get image() {
    const image = this.context.app.images.current;
    if (!image) throw new Error("No image is open.");
    return image;
  }

  /** The part of the image that the network's input shows. */
  get window() {
    return this.image.window ?? windowOf(this.image, this.context.app.model);
  }

  /** @param {OpenImage} image */
  isCurrent(image) {
    return this.context.app.images.current === image;
  }
}
