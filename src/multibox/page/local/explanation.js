// Where each detection of an image comes from: its prior, the arithmetic of its box, and the boxes that it removed.

/** @import { ExplainedDetection, ExplainedImage, Removed } from "../shared/api.d.ts" */
/** @import { Outputs } from "./candidates.js" */
/** @import { Seen, Settled } from "./detections.js" */
/** @import { DetectSettings, LocalModel } from "./model.js" */

import { iou, toImage } from "./boxes.js";
import { priorAt } from "./cells.js";
import { detectionAt, hasArea, settle } from "./detections.js";
import { explainDecoding } from "./formulas.js";

const NOBODY = -1;

/**
 * @param {Outputs} outputs
 * @param {LocalModel} model
 * @param {{ seen: Seen, score: number }} wanted Detections exceed the score.
 * @returns {ExplainedImage}
 */
export function explain(outputs, model, { seen, score }) {
  const settled = settle(outputs, model, score);
  const removed = removedBoxes(settled, model.detect, seen);
  const detections = settled.kept
    .map((i) => ({ ...detectionAt(settled, i, model, seen), removed: removed.get(i) ?? [], i }))
    .filter(({ box }) => hasArea(box))
    .map(({ i, ...rest }) => ({ ...rest, ...originOf(outputs, model, settled.candidates.priors[i]) }));
  return { input: model.size, window: seen.window, detections };
}

/**
 * The prior of a detection, and what the network returned for it.
 *
 * @param {Outputs} outputs
 * @param {LocalModel} model
 * @param {number} index Of the prior.
 * @returns {Pick<ExplainedDetection, "prior" | "logits" | "decode">}
 */
function originOf(outputs, model, index) {
  const columns = model.classes.length + 1;
  const [cx, cy, w, h] = outputs.boxes.subarray(4 * index, 4 * index + 4);
  const prior = priorAt(model, index);
  return {
    prior,
    logits: [...outputs.classes.subarray(columns * index, columns * (index + 1))],
    decode: explainDecoding(prior.box_rel, [cx, cy, w, h], model.variances),
  };
}

/**
 * The boxes that each detection removed, the highest score first, by the detection's position among the candidates.
 *
 * @param {Settled} settled
 * @param {DetectSettings} detect
 * @param {Seen} seen
 */
function removedBoxes({ candidates, stays }, detect, seen) {
  const { boxes, groups, priors, scores } = candidates;
  const winners = positionsOf(stays, true);
  /** @type {Map<number, Removed[]>} */
  const removed = new Map();
  for (const i of positionsOf(stays, false)) {
    const { remover, overlap } = removerOf(
      i,
      winners.filter((winner) => groups[winner] === groups[i]),
      boxes,
      detect,
    );
    if (remover === NOBODY) continue;
    const one = { box: toImage(boxes, 4 * i, seen.window, seen), score: scores[i], iou: overlap, prior: priors[i] };
    removed.set(remover, [...(removed.get(remover) ?? []), one]);
  }
  for (const all of removed.values()) all.sort((a, b) => b.score - a.score);
  return removed;
}

/**
 * @param {boolean[]} stays
 * @param {boolean} wanted
 */
const positionsOf = (stays, wanted) => [...stays.keys()].filter((i) => stays[i] === wanted);

/**
 * The box that removed another: the best that overlaps it enough. Soft-NMS lowers scores step by step, so there it is
 * the box with the largest overlap.
 *
 * @param {number} i
 * @param {number[]} winners Boxes of the group that stay, the best first.
 * @param {Float32Array} boxes
 * @param {DetectSettings} detect
 */
function removerOf(i, winners, boxes, { nms, nms_iou: threshold }) {
  let [remover, overlap] = [NOBODY, 0];
  for (const winner of winners) {
    const shared = iou(boxes, 4 * winner, 4 * i);
    if (shared > overlap) [remover, overlap] = [winner, shared];
    if (nms === "hard" && shared > Math.fround(threshold)) break;
  }
  return { remover, overlap };
}
