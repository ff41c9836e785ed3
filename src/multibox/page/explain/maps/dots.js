// Dots in the cells that detections come from.

/** @import { Box, ExplainedDetection, FeatureMap } from "../../shared/api.d.ts" */

import { byId, s } from "../../shared/dom.js";
import { colorOf } from "../../shared/palette.js";
import { count, titleOf } from "../../shared/text.js";
import { cellBox } from "../geometry.js";

const RADIUS = 5; // pixels of the screen

/**
 * Explain the dots.
 *
 * @param {number} n Number of detections on all maps.
 */
export function renderDotNote(n) {
  const text = `Each dot marks the cell that one of the ${count(n, "detection")} comes from.`;
  byId("map-dots").textContent = n === 1 ? "The dot marks the cell that the detection comes from." : n ? text : "";
}

/**
 * Draw a dot for each detection that comes from a map.
 *
 * @param {ExplainedDetection[]} detections
 * @param {FeatureMap} map
 * @param {Box} window
 * @param {number} scale Pixels of the screen per pixel of the image.
 */
export function dotShapes(detections, map, window, scale) {
  return detections
    .filter(({ prior }) => prior.map === map.index)
    .map((detection) => {
      const [x0, y0, x1, y1] = cellBox(map, detection.prior, window);
      const place = { cx: (x0 + x1) / 2, cy: (y0 + y1) / 2, r: RADIUS / scale };
      const title = s("title", {}, `${titleOf(detection)} comes from this cell`);
      return s("circle", { class: "dot", color: colorOf(detection.label), ...place }, title);
    });
}
