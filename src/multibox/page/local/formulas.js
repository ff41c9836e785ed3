// The arithmetic that decodes a box, written out with its numbers.

/** @import { Box, Decoding } from "../shared/api.d.ts" */

import { decode, toCorners } from "./boxes.js";
import { roundHalfEven } from "./rounding.js";

const DIGITS = 4;

/**
 * Write out the arithmetic from a prior and its deltas to the corners of a box.
 *
 * @param {Box} prior Centre and size.
 * @param {Box} deltas
 * @param {Box} variances
 * @returns {Decoding}
 */
export function explainDecoding(prior, deltas, variances) {
  const center = decode(prior, deltas, variances);
  const corners = toCorners(center);
  const steps = [
    ...["cx", "cy"].map((name, i) => ({ text: shift(name, prior, deltas[i], [variances[i], i]), value: center[i] })),
    ...["w", "h"].map((name, i) => {
      const power = `exp(${short(deltas[i + 2])} * ${short(variances[i + 2])})`;
      return { text: `${name} = ${short(prior[i + 2])} * ${power}`, value: center[i + 2] };
    }),
    ...["x0", "y0", "x1", "y1"].map((name, i) => {
      const sign = i < 2 ? "-" : "+";
      return { text: `${name} = ${short(center[i % 2])} ${sign} ${short(center[(i % 2) + 2])} / 2`, value: corners[i] };
    }),
  ];
  return { prior_cxcywh: prior, deltas, variances, steps };
}

/**
 * @param {string} name
 * @param {Box} prior
 * @param {number} delta
 * @param {[variance: number, axis: number]} factor
 */
function shift(name, prior, delta, [variance, axis]) {
  const signed = `${delta < 0 ? "-" : "+"} ${short(Math.abs(delta))}`;
  return `${name} = ${short(prior[axis])} ${signed} * ${short(variance)} * ${short(prior[axis + 2])}`;
}

/**
 * Write a number with four significant digits, as Python's format ".4g" does.
 *
 * @param {number} value
 */
export function short(value) {
  const [, exponent] = value.toExponential(DIGITS - 1).split("e");
  const power = Number(exponent);
  if (power < -4 || power >= DIGITS) {
    const text = `${trim(digits(value / 10 ** power, DIGITS - 1))}e${power < 0 ? "-" : "+"}`;
    return text + `${Math.abs(power)}`.padStart(2, "0");
  }
  return trim(digits(value, DIGITS - 1 - power));
}

/**
 * @param {number} value
 * @param {number} decimals
 */
function digits(value, decimals) {
  const unit = 10 ** decimals;
  return (roundHalfEven(value * unit) / unit).toFixed(decimals);
}

/** @param {string} text */
const trim = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
