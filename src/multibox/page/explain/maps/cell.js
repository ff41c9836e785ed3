// One cell and its priors, as a table and over the image.

/** @import { Box, CellPlace, CellPrior } from "../../shared/api.d.ts" */
/** @import { Stage } from "../../shared/stage.js" */

import { boxShape } from "../../shared/boxes.js";
import { captionOf, captionShapes } from "../../shared/captions.js";
import { byId, fill, h } from "../../shared/dom.js";
import { colorOf } from "../../shared/palette.js";
import { table } from "../../shared/table.js";
import { round, whole } from "../../shared/text.js";
import { ratioText, toImage } from "../geometry.js";

const COLUMNS = [
  { title: "Prior" },
  { title: "Width : height" },
  { title: "Pixels", numeric: true },
  { title: "Index", numeric: true },
];

/**
 * Show a cell and the table of its priors.
 *
 * @param {CellPlace} cell
 * @param {CellPrior[]} priors
 * @param {(i: number | null) => void} highlight Called with the position of the prior that is pointed at.
 */
export function renderCell({ row, column }, priors, highlight) {
  byId("cell-name").textContent = `Cell: row ${row}, column ${column}`;
  const rows = priors.map(({ ratio, pixels, index }, i) => ({
    cells: [
      h("span", { class: "tag", color: colorOf(i) }, i + 1),
      ratioText(ratio),
      pixels.map((value) => round(value, 0)).join(" × "),
      whole(index),
    ],
    onpoint: (/** @type {boolean} */ pointed) => highlight(pointed ? i : null),
  }));
  fill(byId("cell-priors"), table("Priors of the cell, in pixels of the network’s input", COLUMNS, rows));
}

/**
 * Draw the priors of a cell, each in a colour of its own.
 *
 * @param {CellPrior[]} priors
 * @param {number | null} highlighted The position of one that stands out.
 * @param {Box} window
 * @param {Stage} stage
 */
export function priorShapes(priors, highlighted, window, stage) {
  const kind = (/** @type {number} */ i) => (highlighted === null ? "" : highlighted === i ? "lit" : "dim");
  const captions = priors.map(({ box_rel: box }, i) => captionOf({ box: toImage(box, window), label: i }, `${i + 1}`));
  return [
    ...captions.map(({ box, color }, i) => boxShape(box, { color, kind: `prior ${kind(i)}` })),
    // priors reach beyond the image, and so may their captions
    ...captionShapes(highlighted === null ? captions : [captions[highlighted]], stage.scale, [Infinity, Infinity]),
  ];
}
