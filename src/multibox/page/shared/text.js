// Numbers and objects as text.

/** @import { Detection } from "./api.d.ts" */

/**
 * Write a number with a fixed number of decimals.
 *
 * @param {number} value
 */
export const round = (value, digits = 2) => value.toFixed(digits);

/**
 * Write a whole number with separators, such as "8,732".
 *
 * @param {number} value
 */
export const whole = (value) => value.toLocaleString("en");

/**
 * Write "1 box" or "2 boxes".
 *
 * @param {number} n
 * @param {string} one
 */
export const count = (n, one, many = `${one}s`) => `${whole(n)} ${n === 1 ? one : many}`;

/**
 * Write the class of a detection, with its id if it is tracked, such as "3 dog".
 *
 * @param {Pick<Detection, "name" | "id">} detection
 */
export const nameOf = ({ name, id }) => (id === undefined ? name : `${id} ${name}`);

/**
 * Write the class and score of a detection, such as "dog 0.98", or its id and class if it is tracked.
 *
 * @param {Pick<Detection, "name" | "score" | "id">} detection
 */
export const titleOf = (detection) =>
  detection.id === undefined ? `${detection.name} ${round(detection.score)}` : nameOf(detection);

/**
 * Write a box in whole pixels, such as "13, 21, 505, 600".
 *
 * @param {readonly number[]} box
 */
export const pixels = (box) => box.map((value) => round(value, 0)).join(", ");

/**
 * The message of an error, for the user.
 *
 * @param {unknown} error
 */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
