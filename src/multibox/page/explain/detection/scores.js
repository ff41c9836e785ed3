// The scores of a prior: from the network's logits to the class of the detection.

/** @import { ExplainedDetection, Model } from "../../shared/api.d.ts" */

import { byId, fill, h } from "../../shared/dom.js";
import { colorOf } from "../../shared/palette.js";
import { count, round } from "../../shared/text.js";
import { powerOfE, result, signed } from "./formula.js";

const LISTED = 5; // classes

/**
 * @param {ExplainedDetection} detection
 * @param {Model} model
 */
export function renderScores(detection, { activation, classes }) {
  const sigmoid = activation === "sigmoid";
  const { logits } = detection;
  const scores = sigmoid ? logits.map((x) => 1 / (1 + Math.exp(-x))) : softmax(logits);
  const candidates = [...scores.keys()].filter((i) => !(sigmoid && i === 0)); // with a sigmoid, background has no score
  const best = candidates.sort((a, b) => scores[b] - scores[a]).slice(0, LISTED);
  const names = ["background", ...classes];
  fill(
    byId("detection-scores"),
    best.map((i) => bar(names[i], i ? colorOf(i - 1) : "var(--soft)", scores[i], logits[i])),
  );
  byId("detection-softmax").replaceChildren(...(sigmoid ? sigmoidFormula(detection) : softmaxFormula(detection)));
  byId("detection-softmax-note").textContent = sigmoid
    ? "Each class is scored on its own, by the sigmoid of its logit."
    : `The divisor sums e to the power of the logit over the background and ${allOf(classes.length)}. This is softmax.`;
}

/** @param {number} n */
const allOf = (n) => (n === 1 ? "the class" : `all ${count(n, "class", "classes")}`);

/**
 * @param {string} name
 * @param {string} color
 * @param {number} score
 * @param {number} logit
 */
function bar(name, color, score, logit) {
  const inner = h("span");
  inner.style.width = `${100 * score}%`;
  return h(
    "li",
    { color },
    h("span", { class: "name" }, name),
    h("span", { class: "bar", "aria-hidden": "true" }, inner),
    h("span", { class: "number" }, round(score, 4)),
    h("span", { class: "logit" }, `logit ${signed(logit, 2)}`),
  );
}

/** @param {ExplainedDetection} detection */
const sigmoidFormula = ({ logits, label, score }) => ["1 ÷ (1 + ", powerOfE(-logits[label + 1]), ") = ", result(score)];

/** @param {ExplainedDetection} detection */
const softmaxFormula = ({ logits, label, score }) => [
  powerOfE(logits[label + 1]),
  " ÷ ",
  sumOfPowers(logits),
  " = ",
  result(score),
];

/** @param {number[]} logits */
function softmax(logits) {
  const highest = Math.max(...logits);
  const powers = logits.map((x) => Math.exp(x - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

/** @param {number[]} logits */
function sumOfPowers(logits) {
  const sum = logits.reduce((total, x) => total + Math.exp(x), 0);
  return sum >= 0.001 && sum < 1e6 ? round(sum, sum < 10 ? 4 : 2) : sum.toPrecision(5);
}
