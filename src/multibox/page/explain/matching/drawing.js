// Labelled objects and their matched priors over the image.

/** @import { LabelledObject, Model, Negative } from "../../shared/api.d.ts" */
/** @import { Caption } from "../../shared/captions.js" */
/** @import { Listed, ListedPositive } from "./numbered.js" */

import { boxShape } from "../../shared/boxes.js";
import { captionOf, plainCaption } from "../../shared/captions.js";
import { colorOf } from "../../shared/palette.js";
import { round } from "../../shared/text.js";

/**
 * @param {Negative[]} negatives
 * @param {boolean} faded
 */
export const negativeShapes = (negatives, faded) =>
  negatives.map(({ box }) => boxShape(box, { color: "#fff", kind: `negative ${dim(faded)}` }));

/**
 * @param {ListedPositive[]} positives
 * @param {boolean} faded
 */
export const positiveShapes = (positives, faded) =>
  positives.map(({ box, label, isBest }) =>
    boxShape(box, { color: colorOf(label), kind: `positive ${isBest ? "best" : ""} ${dim(faded)}` }),
  );

/**
 * Draw the objects, the chosen ones in bold.
 *
 * @param {LabelledObject[]} objects
 * @param {number | null} chosen Position of the chosen one. Null if all are chosen.
 * @param {Model} model
 * @param {boolean} faded
 */
export const objectShapes = (objects, chosen, { classes }, faded) =>
  objects.map(({ name, box }, i) =>
    boxShape(box, {
      color: colorOf(classes.indexOf(name)),
      kind: `${chosen === null || chosen === i ? "object" : "other"} ${dim(faded)}`,
    }),
  );

/**
 * The captions of the chosen objects.
 *
 * @param {LabelledObject[]} objects
 * @param {number | null} chosen Position of the chosen one. Null if all are chosen.
 * @param {Model} model
 */
export const objectCaptions = (objects, chosen, { classes }) =>
  objects.flatMap(({ name, box }, i) =>
    chosen === null || chosen === i ? [captionOf({ box, label: classes.indexOf(name) }, `${i + 1} ${name}`)] : [],
  );

/** @param {Listed} prior */
export function highlightShape(prior) {
  return boxShape(prior.box, { color: "iou" in prior ? colorOf(prior.label) : "#fff", kind: "lit" });
}

/**
 * @param {Listed} prior
 * @returns {Caption}
 */
export function highlightCaption(prior) {
  return plainCaption(prior.box, "iou" in prior ? `IoU ${round(prior.iou)}` : `loss ${round(prior.loss)}`);
}

/** @param {boolean} faded */
const dim = (faded) => (faded ? "dim" : "");
