// Typeset arithmetic.

import { h } from "../../shared/dom.js";
import { round } from "../../shared/text.js";

/**
 * Write a number with a true minus sign.
 *
 * @param {number} value
 * @param {number} digits
 */
export const signed = (value, digits) => round(value, digits).replace("-", "−");

/**
 * A result in bold.
 *
 * @param {number} value
 */
export const result = (value) => h("strong", { class: "number" }, signed(value, 4));

/**
 * A power of e.
 *
 * @param {number} exponent
 */
export const powerOfE = (exponent) => h("span", {}, "e", h("sup", {}, signed(exponent, 3)));

/**
 * A line of arithmetic in typographic characters, its numbers rounded.
 *
 * @param {string} text
 */
export function formula(text) {
  return text
    .replace(/\d+\.\d{5,}(?:e[+-]?\d+)?/g, (digits) => round(Number(digits), 4))
    .replace(/\*/g, "×")
    .replace(/ ?\/ ?/g, " ÷ ")
    .replace(/-/g, "−");
}
