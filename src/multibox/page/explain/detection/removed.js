// The boxes that non-maximum suppression removed for a detection.

/** @import { ExplainedDetection, Removed } from "../../shared/api.d.ts" */

import { byId, fill } from "../../shared/dom.js";
import { table } from "../../shared/table.js";
import { count, round, whole } from "../../shared/text.js";

/** How many of the boxes are drawn. */
export const DRAWN = 12;

const COLUMNS = [
  { title: "Prior", numeric: true },
  { title: "Score", numeric: true },
  { title: "IoU with this box", numeric: true },
];

/**
 * @param {ExplainedDetection} detection
 * @param {number} iou The overlap from which boxes are removed.
 * @param {(removed: Removed | null) => void} highlight Called with the box that is pointed at.
 */
export function renderRemoved({ removed, name }, iou, highlight) {
  byId("removed-note").textContent = removed.length ? describe(removed.length, name, iou) : describeNone(name, iou);
  byId("show-removed-label").hidden = !removed.length;
  const rows = removed.map((one) => ({
    cells: [whole(one.prior), round(one.score, 4), round(one.iou, 4)],
    onpoint: (/** @type {boolean} */ pointed) => highlight(pointed ? one : null),
  }));
  fill(byId("removed"), rows.length > 0 && table("Removed boxes, highest score first", COLUMNS, rows));
}

/**
 * @param {number} n
 * @param {string} name
 * @param {number} iou
 */
function describe(n, name, iou) {
  const boxes = n === 1 ? "Its box overlaps" : "Their boxes overlap";
  return [
    `${count(n, "more prior")} predicted the same ${name} with a lower score.`,
    `${boxes} this one by an IoU of more than ${iou}.`,
    "Non-maximum suppression keeps the best box and removes the rest.",
    ...(n > DRAWN ? [`The image shows the best ${DRAWN} of them.`] : []),
  ].join(" ");
}

/**
 * @param {string} name
 * @param {number} iou
 */
const describeNone = (name, iou) =>
  `No other box of the class ${name} overlaps this one by an IoU of more than ${iou}. Nothing was removed.`;
