// Non-maximum suppression: of overlapping boxes of one class, the best stays (SSD section 2.2, "Inference").

/** @import { Candidates } from "./candidates.js" */
/** @import { DetectSettings } from "./model.js" */

import { iou } from "./boxes.js";

const f = Math.fround;

/**
 * Decide which candidates stay, and their scores after suppression.
 *
 * @param {Candidates} candidates
 * @param {DetectSettings} detect
 * @param {Float64Array} least The score that a detection must exceed, by class.
 * @returns {{ stays: boolean[], scores: Float32Array }}
 */
export function settleOverlaps(candidates, detect, least) {
  const { groups, labels } = candidates;
  if (detect.nms === "hard") {
    const stays = new Array(groups.length).fill(false);
    forEachGroup(groups, (first, end) => suppress(candidates.boxes, [first, end], detect.nms_iou, stays));
    return { stays, scores: candidates.scores };
  }
  const scores = new Float32Array(groups.length);
  const lowest = Math.min(1, ...least);
  forEachGroup(groups, (first, end) => soften(candidates, { first, end, lowest }, detect, scores));
  return { stays: Array.from(scores, (score, i) => score > least[labels[i]]), scores };
}

/**
 * Call a function with the range of each group.
 *
 * @param {Int32Array} groups In rising order.
 * @param {(first: number, end: number) => void} visit
 */
function forEachGroup(groups, visit) {
  for (let first = 0, end = 0; first < groups.length; first = end) {
    while (end < groups.length && groups[end] === groups[first]) end++;
    visit(first, end);
  }
}

/**
 * Remove each box that overlaps a better one that stays.
 *
 * @param {Float32Array} boxes
 * @param {[number, number]} group
 * @param {number} threshold
 * @param {boolean[]} stays
 */
function suppress(boxes, [first, end], threshold, stays) {
  /** @type {number[]} */
  const winners = [];
  const most = f(threshold);
  for (let i = first; i < end; i++) {
    if (winners.some((winner) => iou(boxes, 4 * winner, 4 * i) > most)) continue;
    stays[i] = true;
    winners.push(i);
  }
}

/**
 * Lower the scores of boxes that overlap better ones (Soft-NMS, arXiv 1704.04503). Scores that become too low are 0.
 *
 * @param {Candidates} candidates
 * @param {{ first: number, end: number, lowest: number }} group
 * @param {DetectSettings} detect
 * @param {Float32Array} scores
 */
function soften({ boxes, scores: before }, { first, end, lowest }, detect, scores) {
  const left = before.slice(first, end);
  for (;;) {
    const best = left.reduce((a, score, i) => (score > left[a] ? i : a), 0);
    if (!(left[best] > lowest)) return;
    scores[first + best] = left[best];
    left[best] = -1;
    for (let i = 0; i < left.length; i++)
      if (left[i] >= 0) left[i] *= decay(iou(boxes, 4 * (first + best), 4 * (first + i)), detect);
  }
}

/**
 * @param {number} overlap
 * @param {DetectSettings} detect
 */
function decay(overlap, { nms, nms_iou: threshold, nms_sigma: sigma }) {
  if (nms === "soft-linear") return overlap >= f(threshold) ? f(1 - overlap) : 1;
  return f(Math.exp(f(-f(overlap * overlap) / f(sigma))));
}
