// Which part of an image the network's input shows, and where in the input the image lies.

/** @import { Box } from "../shared/api.d.ts" */

import { roundHalfEven } from "./rounding.js";

/**
 * How an image fills an input along one axis.
 *
 * @typedef {{ low: number, high: number, start: number, stop: number }} Span `low` and `high` are the edges of the
 *   input, in pixels of the image. From `start` to `stop` are the pixels of the input that show the image.
 */

/**
 * @param {{ width: number, height: number }} image
 * @param {{ size: [number, number], resize: string }} model
 * @returns {{ across: Span, down: Span, window: Box }}
 */
export function viewOf({ width, height }, { size: [rows, columns], resize }) {
  const pixel = Math.max(width / columns, height / rows);
  /** @type {(length: number, cells: number) => Span} */
  const span = (length, cells) => spanOf(length, cells, resize === "letterbox" ? (pixel * cells - length) / 2 : 0);
  const [across, down] = [span(width, columns), span(height, rows)];
  return { across, down, window: [across.low, down.low, across.high, down.high] };
}

/**
 * Move the edges of the image to borders between two pixels of the input, so that one plain resize renders it.
 *
 * @param {number} length Of the image.
 * @param {number} cells Pixels of the input.
 * @param {number} margin Space on either side of the image, in its pixels.
 * @returns {Span}
 */
function spanOf(length, cells, margin) {
  const [low, high] = [0 - margin, length + margin];
  const pixel = (high - low) / cells;
  const start = low < 0 ? roundHalfEven((0 - low) / pixel) : 0;
  const stop = high > length ? roundHalfEven((length - low) / pixel) : cells;
  if (stop <= start) return { low, high, start, stop };
  const snapped = length / (stop - start);
  return { low: -start * snapped, high: length + (cells - stop) * snapped, start, stop };
}
