// The candidates for detections: pairs of a prior and a class with a high score, and their boxes.

/** @import { LocalModel } from "./model.js" */

import { decode, toCenter, toCorners } from "./boxes.js";
import { scoresOf, visitLikely } from "./scores.js";

/** @typedef {{ classes: Float32Array, boxes: Float32Array }} Outputs Logits and deltas of all priors. */

/**
 * K candidates. Those of a group may suppress one another. They are together, the best first.
 *
 * @typedef {{
 *   priors: Int32Array,
 *   labels: Int32Array,
 *   groups: Int32Array,
 *   scores: Float32Array,
 *   boxes: Float32Array,
 * }} Candidates `boxes` holds 4 corners for each, relative to the input and not clipped.
 */

/** @typedef {{ prior: number, label: number, group: number, score: number }} Candidate */

const LARGEST_LOGIT = 1e30; // differences of larger ones would overflow
const LARGEST_GROWTH = 80; // delta times variance, beyond which exp would overflow

/**
 * Find the candidates, at most `detect.per_class` of a group.
 *
 * @param {Outputs} outputs
 * @param {LocalModel} model
 * @param {Float64Array} least The score that candidates must exceed, by class.
 * @returns {Candidates}
 */
export function rank(outputs, model, least) {
  const found = above(outputs, model, least);
  found.sort((a, b) => a.group - b.group || b.score - a.score || a.label - b.label || a.prior - b.prior);
  const { per_class: most } = model.detect;
  return arrange(
    found.filter(({ group }, i) => i < most || found[i - most].group !== group),
    outputs,
    model,
  );
}

/**
 * @param {Outputs} outputs
 * @param {LocalModel} model
 * @param {Float64Array} least
 */
function above(outputs, model, least) {
  const columns = model.classes.length + 1;
  const { activation } = model;
  /** @type {Candidate[]} */
  const found = [];
  visitLikely(outputs.classes, columns, { least: Math.min(1, ...least), activation }, (prior) => {
    const logits = outputs.classes.subarray(prior * columns, (prior + 1) * columns);
    if (!isUsable(logits, outputs.boxes.subarray(4 * prior, 4 * prior + 4), model)) return;
    const scores = scoresOf(logits, activation);
    for (let label = 0; label < least.length; label++) {
      const score = scores[label + 1];
      if (score > least[label]) found.push({ prior, label, group: model.detect.agnostic ? 0 : label, score });
    }
  });
  return found;
}

/**
 * Whether the outputs of a prior are numbers, and its box is not infinite. Those of damaged weights may not be.
 *
 * @param {Float32Array} logits
 * @param {Float32Array} deltas
 * @param {LocalModel} model
 */
function isUsable(logits, deltas, { variances }) {
  const growth = LARGEST_GROWTH / Math.max(...variances);
  return logits.every((value) => Math.abs(value) < LARGEST_LOGIT) && deltas.every((value) => Math.abs(value) < growth);
}

/**
 * @param {Candidate[]} found
 * @param {Outputs} outputs
 * @param {LocalModel} model
 * @returns {Candidates}
 */
function arrange(found, outputs, { priors, variances }) {
  const boxes = new Float32Array(4 * found.length);
  found.forEach(({ prior }, i) => {
    const deltas = outputs.boxes.subarray(4 * prior, 4 * prior + 4);
    boxes.set(toCorners(decode(toCenter(priors, 4 * prior), deltas, variances)), 4 * i);
  });
  return {
    priors: Int32Array.from(found, ({ prior }) => prior),
    labels: Int32Array.from(found, ({ label }) => label),
    groups: Int32Array.from(found, ({ group }) => group),
    scores: Float32Array.from(found, ({ score }) => score),
    boxes,
  };
}
