// The matched priors in words and tables.

/** @import { Model, Negative } from "../../shared/api.d.ts" */
/** @import { Listed, ListedPositive, Matched, Numbered } from "./numbered.js" */

import { byId, fill, h } from "../../shared/dom.js";
import { table } from "../../shared/table.js";
import { count, round, whole } from "../../shared/text.js";

const LISTED = 60; // rows of a table, while the drawing shows all
const POSITIVE_COLUMNS = [
  { title: "Object" },
  { title: "IoU", numeric: true },
  { title: "Map" },
  { title: "Cell" },
  { title: "Class loss", numeric: true },
  { title: "Box loss", numeric: true },
];
const NEGATIVE_COLUMNS = [
  { title: "Prior", numeric: true },
  { title: "Map" },
  { title: "Loss", numeric: true },
  { title: "Predicted class" },
];

/**
 * Show how many priors are matched, and by which rule.
 *
 * @param {Matched} matched
 * @param {Model} model
 */
export function renderCounts({ counts, config, objects }, { priors }) {
  const { positives, negatives } = counts;
  const verb = positives === 1 ? "is" : "are";
  const matched = `${whole(positives)} of ${count(priors, "prior")} ${verb} matched to`;
  const rest = config.mined
    ? describeMined(negatives, config.negatives)
    : "With this model’s loss, all others are trained as background. The hardest of them are listed below.";
  byId("matching-counts").textContent = `${matched} ${count(objects.length, "object")}. ${rest}`;
  byId("matching-rule").textContent =
    config.method === "threshold"
      ? `A prior matches an object if their IoU is at least ${config.iou}. The best prior of an object always matches.`
      : `This model was trained with the matching method “${config.method}”.`;
}

/**
 * Show how many priors each object has.
 *
 * @param {Numbered[]} objects
 */
export function renderBest(objects) {
  fill(
    byId("matching-best"),
    objects.map(({ i, name, best, positives }) => {
      const rest = best ? `, the best of them ${whole(best.prior)} with an IoU of ${round(best.iou)}` : "";
      return h("li", {}, `${i + 1} ${name}: ${count(positives.length, "prior")} matched${rest}.`);
    }),
  );
}

/**
 * @param {ListedPositive[]} positives
 * @param {Model} model
 * @param {(prior: Listed | null) => void} highlight Called with the prior that is pointed at.
 */
export function renderPositives(positives, model, highlight) {
  const rows = positives.slice(0, LISTED).map((one) => ({
    cells: [
      `${one.i + 1} ${one.name}${one.isBest ? " (best)" : ""}`,
      round(one.iou, 3),
      mapName(model, one.map),
      `${one.row}, ${one.column}`,
      round(one.loss_classes, 3),
      round(one.loss_boxes, 3),
    ],
    onpoint: (/** @type {boolean} */ pointed) => highlight(pointed ? one : null),
  }));
  fill(byId("positives"), table(caption("Positives, highest IoU first", positives), POSITIVE_COLUMNS, rows));
}

/**
 * @param {Negative[]} negatives
 * @param {Model} model
 * @param {(prior: Listed | null) => void} highlight Called with the prior that is pointed at.
 */
export function renderNegatives(negatives, model, highlight) {
  const rows = negatives.slice(0, LISTED).map((one) => ({
    cells: [whole(one.prior), mapName(model, one.map), round(one.loss, 3), one.most_like],
    onpoint: (/** @type {boolean} */ pointed) => highlight(pointed ? one : null),
  }));
  fill(byId("negatives"), table(caption("Mined negatives, highest loss first", negatives), NEGATIVE_COLUMNS, rows));
}

/**
 * @param {number} negatives
 * @param {number} most
 */
function describeMined(negatives, most) {
  const verb = negatives === 1 ? "is" : "are";
  const kept = `the ${whole(negatives)} with the highest loss ${verb} kept as background`;
  return `Of all others, ${kept}, at most ${most} per positive.`;
}

/**
 * @param {string} title
 * @param {unknown[]} all
 */
const caption = (title, all) => (all.length > LISTED ? `${title} (${LISTED} of ${whole(all.length)})` : title);

/**
 * @param {Model} model
 * @param {number} map
 */
const mapName = ({ maps }, map) => `${maps[map].height} × ${maps[map].width}`;
