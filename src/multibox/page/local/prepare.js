// From an image to the network's input.

import { resizeInto } from "./resize.js";
import { viewOf } from "./window.js";

const MEAN = [123, 117, 104]; // RGB beyond the image, as in training

/**
 * Render the network's input.
 *
 * @param {{ data: ArrayLike<number>, width: number, height: number }} image RGBA, upright.
 * @param {{ size: [number, number], resize: string }} model
 */
export function prepare(image, model) {
  const [rows, columns] = model.size;
  const { across, down, window } = viewOf(image, model);
  const input = new Uint8Array(rows * columns * 3);
  const [width, height] = [across.stop - across.start, down.stop - down.start];
  if (width < columns || height < rows) fill(input);
  if (width > 0 && height > 0)
    resizeInto(image, input, { stride: columns, left: across.start, top: down.start, width, height });
  return { input, window };
}

/** @param {Uint8Array} input */
function fill(input) {
  for (let i = 0; i < input.length; i++) input[i] = MEAN[i % 3];
}
