// Bilinear resize in fixed-point arithmetic. Its bytes are those of OpenCV's INTER_LINEAR, with which models are trained.

import { roundHalfEven } from "./rounding.js";

const ONE = 1 << 11; // the weight 1

/**
 * From which two source pixels each output pixel of an axis comes.
 *
 * @typedef {{ first: Int32Array, second: Int32Array, weights: Int32Array }} Axis `weights` holds two for each pixel.
 */

/**
 * Resize an image into a part of a larger one.
 *
 * @param {{ data: ArrayLike<number>, width: number, height: number }} image RGBA.
 * @param {Uint8Array} output RGB.
 * @param {{ stride: number, left: number, top: number, width: number, height: number }} place `stride` is the width of
 *   the output, the rest is the part that the image fills. All are pixels.
 */
export function resizeInto(image, output, { stride, left, top, width, height }) {
  const across = axisOf(image.width, width, true);
  const down = axisOf(image.height, height, false);
  const rows = new RowCache(image, across);
  for (let y = 0; y < height; y++) {
    const [above, below] = rows.pair(down.first[y], down.second[y]);
    const start = 3 * ((top + y) * stride + left);
    blend(above, below, [down.weights[2 * y], down.weights[2 * y + 1]], output.subarray(start, start + 3 * width));
  }
}

/**
 * @param {number} source Number of pixels.
 * @param {number} length Number of pixels of the output.
 * @param {boolean} clamped Whether a pixel at the edge has the weight 1, as OpenCV has it along rows.
 * @returns {Axis}
 */
function axisOf(source, length, clamped) {
  const axis = { first: new Int32Array(length), second: new Int32Array(length), weights: new Int32Array(2 * length) };
  const scale = 1 / (length / source);
  for (let i = 0; i < length; i++) {
    const at = Math.fround((i + 0.5) * scale - 0.5);
    let below = Math.floor(at);
    let share = Math.fround(at - below);
    if (clamped && (below < 0 || below >= source - 1)) {
      below = below < 0 ? 0 : source - 1;
      share = 0;
    }
    axis.first[i] = Math.min(Math.max(below, 0), source - 1);
    axis.second[i] = Math.min(Math.max(below + 1, 0), source - 1);
    axis.weights[2 * i] = roundHalfEven(Math.fround(1 - share) * ONE);
    axis.weights[2 * i + 1] = roundHalfEven(share * ONE);
  }
  return axis;
}

/** Rows of an image at the width of the output. The last two are kept, as neighbouring output rows share them. */
class RowCache {
  #image;
  #axis;
  #numbers = [-1, -1];
  #rows;

  /**
   * @param {{ data: ArrayLike<number>, width: number }} image
   * @param {Axis} axis
   */
  constructor(image, axis) {
    this.#image = image;
    this.#axis = axis;
    this.#rows = [0, 1].map(() => new Int32Array(3 * axis.first.length));
  }

  /**
   * @param {number} above
   * @param {number} below
   */
  pair(above, below) {
    if (this.#numbers[1] === above) {
      this.#numbers.reverse();
      this.#rows.reverse();
    }
    this.#fill(0, above);
    this.#fill(1, below);
    return this.#rows;
  }

  /**
   * @param {0 | 1} slot
   * @param {number} number
   */
  #fill(slot, number) {
    if (this.#numbers[slot] === number) return;
    this.#numbers[slot] = number;
    const { data, width } = this.#image;
    stretch(data, 4 * number * width, this.#axis, this.#rows[slot]);
  }
}

/**
 * Resize a row of RGBA to one of RGB, with weights still in it.
 *
 * @param {ArrayLike<number>} data
 * @param {number} start Where the row begins.
 * @param {Axis} axis
 * @param {Int32Array} row
 */
function stretch(data, start, { first, second, weights }, row) {
  for (let x = 0, to = 0; x < first.length; x++) {
    const a = start + 4 * first[x];
    const b = start + 4 * second[x];
    const left = weights[2 * x];
    const right = weights[2 * x + 1];
    row[to++] = data[a] * left + data[b] * right;
    row[to++] = data[a + 1] * left + data[b + 1] * right;
    row[to++] = data[a + 2] * left + data[b + 2] * right;
  }
}

/**
 * @param {Int32Array} above
 * @param {Int32Array} below
 * @param {[number, number]} weights
 * @param {Uint8Array} output
 */
function blend(above, below, [first, second], output) {
  for (let i = 0; i < output.length; i++) {
    const sum = ((first * (above[i] >> 4)) >> 16) + ((second * (below[i] >> 4)) >> 16);
    output[i] = (sum + 2) >> 2;
  }
}
