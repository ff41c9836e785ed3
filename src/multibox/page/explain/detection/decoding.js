// The arithmetic from a prior and its deltas to the box of a detection.

/** @import { ExplainedDetection } from "../../shared/api.d.ts" */

import { byId, fill, h } from "../../shared/dom.js";
import { table } from "../../shared/table.js";
import { round } from "../../shared/text.js";
import { formula, result, signed } from "./formula.js";

const NAMES = ["centre x", "centre y", "width", "height"];
const COLUMNS = [
  { title: "" },
  { title: "Prior", numeric: true },
  { title: "Delta", numeric: true },
  { title: "Variance", numeric: true },
];

/** @param {ExplainedDetection} detection */
export function renderDecoding({ decode, box }) {
  const rows = NAMES.map((name, i) => ({
    cells: [name, round(decode.prior_cxcywh[i], 4), signed(decode.deltas[i], 4), decode.variances[i]],
  }));
  fill(byId("detection-deltas"), table("Prior, deltas and variances", COLUMNS, rows));
  fill(
    byId("detection-steps"),
    decode.steps.map(({ text, value }) => h("li", {}, formula(text), " = ", result(value))),
  );
  fill(
    byId("detection-box"),
    "In pixels of the image: ",
    h("strong", { class: "number" }, box.map((value) => round(value, 1)).join(", ")),
  );
}
