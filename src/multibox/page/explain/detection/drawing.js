// Detections over the image: all of them, or one with its prior, its cell and the boxes that were removed for it.

/** @import { Box, ExplainedDetection, FeatureMap, Removed } from "../../shared/api.d.ts" */
/** @import { Stage } from "../../shared/stage.js" */

import { boxShape, gridShape } from "../../shared/boxes.js";
import { captionOf, captionShapes, detectionCaption, plainCaption } from "../../shared/captions.js";
import { colorOf } from "../../shared/palette.js";
import { round, titleOf } from "../../shared/text.js";
import { cellBox, partlyDecoded, toCorners, toImage } from "../geometry.js";
import { DRAWN } from "./removed.js";

const APART = 0.02; // share of the way from which prior and box have captions of their own

/**
 * Draw all detections, which can be picked.
 *
 * @param {ExplainedDetection[]} shown The highest score first.
 * @param {ExplainedDetection[]} all
 * @param {Stage} stage
 */
export function allShapes(shown, all, { scale, size }) {
  const boxes = shown.map((one) => pickable(one, all));
  return [...boxes.reverse(), ...captionShapes(shown.map(detectionCaption), scale, size)];
}

/**
 * Draw the other detections, which can be picked.
 *
 * @param {ExplainedDetection[]} others
 * @param {ExplainedDetection[]} all
 */
export const otherShapes = (others, all) => others.map((one) => pickable(one, all, "other"));

/**
 * Draw the grid of a prior's feature map, and its cell.
 *
 * @param {ExplainedDetection} detection
 * @param {FeatureMap[]} maps
 * @param {Box} window
 */
export function cellShapes({ prior }, maps, window) {
  const map = maps[prior.map];
  const cell = boxShape(cellBox(map, prior, window), { color: "var(--accent)", kind: "cell" });
  return [gridShape(map, window, "faint"), cell];
}

/**
 * Draw the removed boxes: the best, and the one that is pointed at.
 *
 * @param {ExplainedDetection} detection
 * @param {Removed | null} highlighted
 */
export function removedShapes({ removed }, highlighted) {
  return removed
    .filter((one, i) => i < DRAWN || one === highlighted)
    .map((one) =>
      boxShape(one.box, {
        color: "#fff",
        kind: one === highlighted ? "removed lit" : "removed",
        title: `Removed: ${round(one.score)}`,
      }),
    );
}

/**
 * Draw a prior, and its box on the way from the prior to the detection.
 *
 * @param {ExplainedDetection} detection
 * @param {number} share From 0 at the prior to 1 at the detection.
 * @param {Box} window
 * @param {Stage} stage
 */
export function decodingShapes(detection, share, window, { scale, size }) {
  const { label, prior, decode } = detection;
  const [color, title] = [colorOf(label), titleOf(detection)];
  const done = share === 1;
  const priorBox = toImage(toCorners(prior.box_rel), window);
  const box = done ? detection.box : toImage(partlyDecoded(decode, share), window);
  const captions = [captionOf({ box, label }, done ? title : "in between")];
  if (share > APART) captions.push(plainCaption(priorBox, "prior"));
  return [
    boxShape(priorBox, { color, kind: "prior dashed", title: "Prior" }),
    boxShape(box, { color, kind: "lit", title }),
    ...captionShapes(captions, scale, size),
  ];
}

/**
 * @param {ExplainedDetection} detection
 * @param {ExplainedDetection[]} all
 */
function pickable(detection, all, kind = "") {
  return boxShape(detection.box, {
    color: colorOf(detection.label),
    kind,
    title: titleOf(detection),
    index: all.indexOf(detection),
  });
}
