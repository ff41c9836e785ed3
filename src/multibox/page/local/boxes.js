// Boxes in single precision, as Python computes them. A box is four numbers of an array, from an offset on.

/** @import { Box } from "../shared/api.d.ts" */

const f = Math.fround;
const TINY = f(1.1754943508222875e-38); // keeps the IoU of empty boxes at 0

/**
 * Convert corners to centre and size.
 *
 * @param {Float32Array} boxes
 * @param {number} at
 * @returns {Box}
 */
export function toCenter(boxes, at) {
  const [x0, y0, x1, y1] = boxes.subarray(at, at + 4);
  return [f(f(x0 + x1) / 2), f(f(y0 + y1) / 2), f(x1 - x0), f(y1 - y0)];
}

/**
 * Convert centre and size to corners.
 *
 * @param {Box} center
 * @returns {Box}
 */
export function toCorners([cx, cy, w, h]) {
  const [x, y] = [f(w / 2), f(h / 2)];
  return [f(cx - x), f(cy - y), f(cx + x), f(cy + y)];
}

/**
 * Apply deltas to a prior: the centre and size of the box (SSD section 2.2, equation 2, solved for the box).
 *
 * @param {Box} prior Centre and size.
 * @param {ArrayLike<number>} deltas
 * @param {Box} variances
 * @returns {Box}
 */
export function decode([cx, cy, w, h], deltas, variances) {
  const [dx, dy, dw, dh] = variances.map((variance, i) => f(deltas[i] * f(variance)));
  return [f(cx + f(dx * w)), f(cy + f(dy * h)), f(w * f(Math.exp(dw))), f(h * f(Math.exp(dh)))];
}

/**
 * @param {Float32Array} boxes
 * @param {number} at
 */
export function areaOf(boxes, at) {
  return f(Math.max(f(boxes[at + 2] - boxes[at]), 0) * Math.max(f(boxes[at + 3] - boxes[at + 1]), 0));
}

/**
 * Intersection over union of two boxes.
 *
 * @param {Float32Array} boxes
 * @param {number} a
 * @param {number} b
 */
export function iou(boxes, a, b) {
  const width = f(Math.min(boxes[a + 2], boxes[b + 2]) - Math.max(boxes[a], boxes[b]));
  const height = f(Math.min(boxes[a + 3], boxes[b + 3]) - Math.max(boxes[a + 1], boxes[b + 1]));
  if (!(width > 0 && height > 0)) return 0;
  const shared = f(width * height);
  return f(shared / Math.max(f(f(areaOf(boxes, a) + areaOf(boxes, b)) - shared), TINY));
}

/**
 * Convert a box from relative to the input to pixels of the image, clipped at its edges.
 *
 * @param {Float32Array} boxes
 * @param {number} at
 * @param {Box} window The part of the image that the input shows.
 * @param {{ width: number, height: number }} image
 * @returns {Box}
 */
export function toImage(boxes, at, [left, top, right, bottom], { width, height }) {
  /** @type {(value: number, low: number, high: number, length: number) => number} */
  const place = (value, low, high, length) => Math.min(Math.max(f(value * (high - low) + low), 0), length);
  return [
    place(boxes[at], left, right, width),
    place(boxes[at + 1], top, bottom, height),
    place(boxes[at + 2], left, right, width),
    place(boxes[at + 3], top, bottom, height),
  ];
}
