// The place of each prior, and the priors of each cell.

/** @import { Cell, CellPlace, Prior } from "../shared/api.d.ts" */
/** @import { LocalModel } from "./model.js" */

import { toCenter } from "./boxes.js";

/**
 * The priors of a cell.
 *
 * @param {LocalModel} model
 * @param {number} map
 * @param {CellPlace} cell
 * @returns {Cell}
 */
export function cellOf(model, map, { row, column }) {
  const { width, per_cell: perCell, first } = model.maps[map];
  const start = first + (row * width + column) * perCell;
  const priors = Array.from({ length: perCell }, (_, kind) => cellPrior(model, start + kind));
  return { row, column, priors };
}

/**
 * The place and shape of a prior. Priors are ordered by map, row, column, then shape.
 *
 * @param {LocalModel} model
 * @param {number} index
 * @returns {Prior}
 */
export function priorAt(model, index) {
  const map = model.maps.findLast(({ first }) => first <= index) ?? model.maps[0];
  const cell = Math.floor((index - map.first) / map.per_cell);
  const [width, height] = sidesOf(model, index);
  return {
    index,
    map: map.index,
    row: Math.floor(cell / map.width),
    column: cell % map.width,
    kind: (index - map.first) % map.per_cell,
    ratio: width / height,
    box_rel: toCenter(model.priors, 4 * index),
  };
}

/**
 * @param {LocalModel} model
 * @param {number} index
 */
function cellPrior(model, index) {
  const [x0, y0, x1, y1] = model.priors.subarray(4 * index, 4 * index + 4);
  const [width, height] = sidesOf(model, index);
  return { index, box_rel: box(x0, y0, x1, y1), ratio: width / height, pixels: pair(width, height) };
}

/**
 * Width and height of a prior in pixels of the input.
 *
 * @param {LocalModel} model
 * @param {number} index
 */
function sidesOf({ priors, size: [rows, columns] }, index) {
  const [, , width, height] = toCenter(priors, 4 * index);
  return pair(width * columns, height * rows);
}

/** @type {(x0: number, y0: number, x1: number, y1: number) => [number, number, number, number]} */
const box = (...corners) => corners;

/** @type {(a: number, b: number) => [number, number]} */
const pair = (...values) => values;
