// The prior that a detection comes from.

/** @import { ExplainedDetection, ExplainedImage, Model } from "../../shared/api.d.ts" */

import { byId, fill, h } from "../../shared/dom.js";
import { round, whole } from "../../shared/text.js";
import { ratioText } from "../geometry.js";

/**
 * @param {ExplainedDetection} detection
 * @param {ExplainedImage} image
 * @param {Model} model
 */
export function renderPrior({ prior }, { input: [rows, columns] }, model) {
  const map = model.maps[prior.map];
  const [, , width, height] = prior.box_rel;
  const facts = [
    ["Feature map", `${prior.map + 1} of ${model.maps.length}, ${map.height} × ${map.width} cells`],
    ["Cell", `row ${prior.row}, column ${prior.column}, counted from 0`],
    ["Prior", `${prior.kind + 1} of ${map.per_cell} in the cell, width : height ${ratioText(prior.ratio)}`],
    ["Size", `${round(width * columns, 1)} × ${round(height * rows, 1)} pixels of the ${columns} × ${rows} input`],
    ["Index", `${whole(prior.index)} of ${whole(model.priors)} priors, counted from 0`],
  ];
  fill(
    byId("detection-where"),
    facts.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]),
  );
}
