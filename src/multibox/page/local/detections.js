// From the network's outputs to the detections in an image.

/** @import { Box, Detection } from "../shared/api.d.ts" */
/** @import { Candidates, Outputs } from "./candidates.js" */
/** @import { LocalModel } from "./model.js" */

import { toImage } from "./boxes.js";
import { rank } from "./candidates.js";
import { settleOverlaps } from "./suppression.js";

/** @typedef {{ width: number, height: number, window: Box }} Seen An image, and the part that the input shows. */

/**
 * Candidates after suppression.
 *
 * @typedef {{ candidates: Candidates, stays: boolean[], scores: Float32Array, kept: number[] }} Settled `kept` holds
 *   the positions of the detections, the best first.
 */

/**
 * The detections in an image, the best first.
 *
 * @param {Outputs} outputs
 * @param {LocalModel} model
 * @param {{ seen: Seen, score: number }} wanted Detections exceed the score.
 * @returns {Detection[]}
 */
export function detectionsOf(outputs, model, { seen, score }) {
  const settled = settle(outputs, model, score);
  return settled.kept.map((i) => detectionAt(settled, i, model, seen)).filter(({ box }) => hasArea(box));
}

/**
 * @param {Outputs} outputs
 * @param {LocalModel} model
 * @param {number} score
 * @returns {Settled}
 */
export function settle(outputs, model, score) {
  const least = new Float64Array(model.classes.length).fill(score);
  const candidates = rank(outputs, model, least);
  const { stays, scores } = settleOverlaps(candidates, model.detect, least);
  const kept = [...scores.keys()].filter((i) => stays[i]).sort((a, b) => scores[b] - scores[a] || a - b);
  return { candidates, stays, scores, kept: kept.slice(0, model.detect.per_image) };
}

/**
 * @param {Settled} settled
 * @param {number} i Position among the candidates.
 * @param {LocalModel} model
 * @param {Seen} seen
 * @returns {Detection}
 */
export function detectionAt({ candidates, scores }, i, { classes }, seen) {
  const label = candidates.labels[i];
  return { label, name: classes[label], score: scores[i], box: toImage(candidates.boxes, 4 * i, seen.window, seen) };
}

/** @param {Box} box */
export const hasArea = ([x0, y0, x1, y1]) => x1 > x0 && y1 > y0;
