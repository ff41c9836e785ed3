// From logits to scores, for the priors that matter alone.

const f = Math.fround;
const SMALLEST_LOGIT = -80; // below it, exp(-x) would overflow single precision
const SLACK = 1e-3; // of logits, more than their rounding

/**
 * Scores of each column of a prior's logits, in single precision as Python computes them. Column 0 is background.
 *
 * @param {Float32Array} logits
 * @param {"softmax" | "sigmoid"} activation
 */
export function scoresOf(logits, activation) {
  return activation === "sigmoid" ? logits.map(sigmoid) : softmax(logits);
}

/**
 * Call a function for each prior that may have a class of a higher score. The cheap test lets no such prior out, and
 * spares most of the others the exponentials.
 *
 * @param {Float32Array} logits Of all priors, background first in each row.
 * @param {number} columns Length of a row.
 * @param {{ least: number, activation: "softmax" | "sigmoid" }} options `least` is the score.
 * @param {(prior: number) => void} visit
 */
export function visitLikely(logits, columns, { least, activation }, visit) {
  const enough = Math.log(least / (1 - least)) - SLACK; // softmax(x) is at most sigmoid(x - background)
  const relative = activation === "softmax";
  for (let start = 0, prior = 0; start < logits.length; start += columns, prior++) {
    const lowest = relative ? logits[start] + enough : enough;
    const end = start + columns;
    let i = start + 1;
    while (i < end && !(logits[i] > lowest)) i++;
    if (i < end) visit(prior);
  }
}

/** @param {number} logit */
function sigmoid(logit) {
  return f(1 / f(f(Math.exp(-Math.max(logit, SMALLEST_LOGIT))) + 1));
}

/** @param {Float32Array} logits */
function softmax(logits) {
  const scores = new Float32Array(logits.length);
  let highest = -Infinity;
  for (const logit of logits) highest = Math.max(highest, logit);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    scores[i] = Math.exp(f(logits[i] - highest));
    sum = f(sum + scores[i]);
  }
  for (let i = 0; i < scores.length; i++) scores[i] /= sum;
  return scores;
}
