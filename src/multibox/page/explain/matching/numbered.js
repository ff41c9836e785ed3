// Matched objects and priors with the numbers of the image's list of objects.

/** @import { LabelledObject, MatchedImage, MatchedObject, Negative, Positive } from "../../shared/api.d.ts" */

/** @typedef {MatchedObject & { i: number }} Numbered An object with its position in the image's list. */
/** @typedef {Omit<MatchedImage, "objects"> & { objects: Numbered[] }} Matched */
/** @typedef {Positive & Pick<Numbered, "i" | "label" | "name"> & { isBest: boolean }} ListedPositive */
/** @typedef {ListedPositive | Negative} Listed A prior in one of the tables. */

/**
 * Give each matched object its position in the image's list, some of whose objects take no part in training.
 *
 * @param {MatchedObject[]} matched
 * @param {LabelledObject[]} listed
 * @returns {Numbered[]}
 */
export function numbered(matched, listed) {
  const free = new Set(listed.keys());
  return matched.map((object) => {
    const candidates = [...free].filter((i) => listed[i].name === object.name);
    const [i] = candidates.sort((a, b) => distance(listed[a], object) - distance(listed[b], object));
    free.delete(i);
    return { ...object, i };
  });
}

/**
 * The positives of objects, the highest IoU first.
 *
 * @param {Numbered[]} objects
 * @returns {ListedPositive[]}
 */
export function positivesOf(objects) {
  return objects
    .flatMap(({ i, label, name, best, positives }) =>
      positives.map((one) => ({ ...one, i, label, name, isBest: one.prior === best?.prior })),
    )
    .sort((a, b) => b.iou - a.iou);
}

/**
 * @param {LabelledObject} a
 * @param {LabelledObject} b
 */
const distance = (a, b) => a.box.reduce((sum, value, k) => sum + Math.abs(value - b.box[k]), 0);
