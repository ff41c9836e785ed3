// The choice of a feature map.

/** @import { FeatureMap } from "../../shared/api.d.ts" */

import { gridShape } from "../../shared/boxes.js";
import { byId, fill, h, s } from "../../shared/dom.js";
import { count, whole } from "../../shared/text.js";

/**
 * Show the number of priors of each map and their sum.
 *
 * @param {FeatureMap[]} maps
 */
export function renderPriorSum(maps) {
  const sizes = maps.map(priorsOf);
  const sum = sizes.reduce((a, b) => a + b, 0);
  byId("map-sum").textContent = `${sizes.map(whole).join(" + ")} = ${count(sum, "prior")}`;
}

/**
 * Show a radio button for each map.
 *
 * @param {FeatureMap[]} maps
 * @param {FeatureMap} chosen
 * @param {(map: FeatureMap) => void} choose
 */
export function renderMapChoices(maps, chosen, choose) {
  fill(
    byId("map-choices"),
    maps.map((map) => choice(map, map === chosen, () => choose(map))),
  );
}

/**
 * @param {FeatureMap} map
 * @param {boolean} checked
 * @param {() => void} onchange
 */
function choice(map, checked, onchange) {
  const { index: value, height, width, per_cell: perCell } = map;
  const note = `${perCell} priors per cell, ${whole(priorsOf(map))} in total`;
  return h(
    "label",
    { class: "choice" },
    h("input", { type: "radio", name: "map", value, checked, "data-key": `map-${value}`, onchange }),
    icon(map),
    h("span", { class: "choice-text" }, h("span", {}, `${height} × ${width} cells`), h("small", {}, note)),
  );
}

/** @param {FeatureMap} map */
const priorsOf = ({ height, width, per_cell: perCell }) => height * width * perCell;

/** @param {FeatureMap} map */
const icon = (map) =>
  s("svg", { class: "map-icon", viewBox: "-1 -1 42 42", "aria-hidden": "true" }, gridShape(map, [0, 0, 40, 40]));
