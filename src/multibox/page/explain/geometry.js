// From the network's input to the image and back.

/** @import { Box, CellPlace, FeatureMap, Model, Point } from "../shared/api.d.ts" */

/**
 * The part of an image that the network's input shows. A letterbox reaches beyond the image.
 *
 * @param {{ width: number, height: number }} image
 * @param {Pick<Model, "size" | "resize">} model
 * @returns {Box}
 */
export function windowOf({ width, height }, { size: [rows, columns], resize }) {
  if (resize !== "letterbox") return [0, 0, width, height];
  const pixel = Math.max(width / columns, height / rows);
  const [beside, above] = [(pixel * columns - width) / 2, (pixel * rows - height) / 2];
  return [-beside, -above, width + beside, height + above];
}

/**
 * Convert a box from relative to the input to pixels of the image.
 *
 * @param {Box} box
 * @param {Box} window See {@link windowOf}.
 * @returns {Box}
 */
export function toImage([x0, y0, x1, y1], [left, top, right, bottom]) {
  const [width, height] = [right - left, bottom - top];
  return [left + x0 * width, top + y0 * height, left + x1 * width, top + y1 * height];
}

/**
 * Convert a box from its centre and size to its corners.
 *
 * @param {Box} box
 * @returns {Box}
 */
export const toCorners = ([cx, cy, w, h]) => [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];

/**
 * The area of a cell, in pixels of the image.
 *
 * @param {FeatureMap} map
 * @param {CellPlace} cell
 * @param {Box} window See {@link windowOf}.
 */
export function cellBox(map, { row, column }, window) {
  return toImage([column / map.width, row / map.height, (column + 1) / map.width, (row + 1) / map.height], window);
}

/**
 * The cell at a point of the image. Null outside the map.
 *
 * @param {FeatureMap} map
 * @param {Point} point
 * @param {Box} window See {@link windowOf}.
 * @returns {CellPlace | null}
 */
export function cellAt(map, [x, y], [left, top, right, bottom]) {
  const row = Math.floor(((y - top) / (bottom - top)) * map.height);
  const column = Math.floor(((x - left) / (right - left)) * map.width);
  return row >= 0 && row < map.height && column >= 0 && column < map.width ? { row, column } : null;
}

/**
 * The box of a prior when only a share of its deltas is applied, relative to the input.
 *
 * @param {{ prior_cxcywh: Box, deltas: Box, variances: Box }} decode
 * @param {number} share From 0 for the prior to 1 for the decoded box.
 */
export function partlyDecoded({ prior_cxcywh: [cx, cy, w, h], deltas, variances }, share) {
  const [dx, dy, dw, dh] = deltas.map((delta, i) => delta * variances[i] * share);
  return toCorners([cx + dx * w, cy + dy * h, w * Math.exp(dw), h * Math.exp(dh)]);
}

/**
 * Write width to height, in whole numbers where possible, such as "2 : 1".
 *
 * @param {number} ratio
 */
export function ratioText(ratio) {
  /** @param {number} value */
  const plain = (value) => (Math.abs(value - Math.round(value)) < 0.02 ? `${Math.round(value)}` : value.toFixed(2));
  return ratio >= 1 ? `${plain(ratio)} : 1` : `1 : ${plain(1 / ratio)}`;
}
