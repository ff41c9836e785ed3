// Where an image lies in a viewport: zoom and position as plain numbers.

/** @import { Point } from "./api.d.ts" */

const MAX_ZOOM = 16;

/** A viewport over an image. Sizes are width and height, that of the viewport in pixels of the screen. */
export class Viewport {
  /** @type {Point} */
  image = [1, 1];
  /** @type {Point} */
  size = [0, 0];
  #zoom = 1;
  /** @type {Point} The point in the middle of the viewport, relative to the image. */
  #center = [0.5, 0.5];
  #margin;

  /** @param {number} margin Free space around the image at zoom 1, as a share of its size. */
  constructor(margin) {
    this.#margin = margin;
  }

  /** 1 fits the image. */
  get zoom() {
    return this.#zoom;
  }

  /** Pixels of the screen per pixel of the image. */
  get scale() {
    const fitting = Math.min(this.size[0] / this.image[0], this.size[1] / this.image[1]) / (1 + 2 * this.#margin);
    return Math.max(1e-6, fitting) * this.#zoom;
  }

  /** The top left corner of the image, relative to that of the viewport. */
  get corner() {
    const { scale } = this;
    return pair((i) => this.size[i] / 2 - this.#center[i] * this.image[i] * scale);
  }

  fit() {
    this.#zoom = 1;
    this.#center = [0.5, 0.5];
  }

  /**
   * Zoom by a factor.
   *
   * @param {number} factor
   * @param {Point | null} [anchor] A point of the viewport where the image stays in place.
   */
  zoomBy(factor, anchor = null) {
    const before = anchor && this.toImage(anchor);
    this.#zoom = Math.min(MAX_ZOOM, Math.max(1, this.#zoom * factor));
    this.clamp();
    if (!anchor || !before) return;
    const after = this.toImage(anchor);
    this.#center = pair((i) => this.#center[i] + (before[i] - after[i]) / this.image[i]);
    this.clamp();
  }

  /**
   * Move the image by pixels of the screen.
   *
   * @param {Point} distance
   */
  moveBy(distance) {
    const { scale } = this;
    this.#center = pair((i) => this.#center[i] - distance[i] / scale / this.image[i]);
    this.clamp();
  }

  /**
   * The point of the image, in its pixels, at a point of the viewport.
   *
   * @param {Point} point
   */
  toImage(point) {
    const { scale, corner } = this;
    return pair((i) => (point[i] - corner[i]) / scale);
  }

  /** Keep the image in the viewport. */
  clamp() {
    const { scale } = this;
    this.#center = pair((i) => {
      const free = Math.max(0, 1 - this.size[i] / (this.image[i] * scale)) / 2;
      return Math.min(0.5 + free, Math.max(0.5 - free, this.#center[i]));
    });
  }
}

/**
 * @param {(i: 0 | 1) => number} value
 * @returns {Point}
 */
const pair = (value) => [value(0), value(1)];
