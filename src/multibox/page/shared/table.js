// Tables.

/** @import { Child } from "./dom.js" */

import { h } from "./dom.js";

/** @typedef {{ title: string, numeric?: boolean }} Column Numbers are aligned to the right. */
/** @typedef {{ cells: Child[], onpoint?: (pointed: boolean) => void }} Row `onpoint` tracks the pointer. */

/**
 * Make a table with a caption.
 *
 * @param {string} caption
 * @param {Column[]} columns
 * @param {Row[]} rows
 */
export function table(caption, columns, rows) {
  return h(
    "table",
    {},
    h("caption", {}, caption),
    h("thead", {}, h("tr", {}, columns.map(headCell))),
    h(
      "tbody",
      {},
      rows.map((row) => tableRow(columns, row)),
    ),
  );
}

/** @param {Column} column */
const headCell = ({ title, numeric }) => h("th", { class: numeric ? "number" : null, scope: "col" }, title);

/**
 * @param {Column[]} columns
 * @param {Row} row
 */
function tableRow(columns, { cells, onpoint }) {
  const listeners = onpoint && { onmouseenter: () => onpoint(true), onmouseleave: () => onpoint(false) };
  return h(
    "tr",
    listeners,
    cells.map((content, i) => h("td", { class: columns[i].numeric ? "number" : null }, content)),
  );
}
