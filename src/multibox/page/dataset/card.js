// One image of a dataset with its labelled objects and mistakes.

/** @import { DatasetImage, LabelledObject, Mistake } from "../shared/api.d.ts" */

import { boxShape } from "../shared/boxes.js";
import { button, h, s } from "../shared/dom.js";
import { colorOf } from "../shared/palette.js";

/** @type {Record<string, string>} */
const MISTAKES = { missed: "missed", false: "false positive", mislabelled: "wrong class" };

/**
 * @param {DatasetImage} image
 * @param {{ thumbnail: HTMLImageElement, mistake: Mistake | "", classes: string[], open: (hash: string) => void }} options
 *   `mistake` is the kind to draw, `classes` are those of the model, and `open` opens the image in another view.
 */
export function imageCard(image, { thumbnail, mistake, classes, open }) {
  const { id } = image;
  const text = describe(image);
  /** @type {(text: string, hash: string) => HTMLElement} */
  const link = (name, hash) =>
    button({ class: "link", "aria-label": `${name} ${id}`, onclick: () => open(hash) }, name);
  return h(
    "li",
    { class: "card" },
    button(
      { class: "plate", "aria-label": `Try ${id}: ${text}`, onclick: () => open("#try") },
      thumbnail,
      overlay(image, mistake, classes),
    ),
    h(
      "div",
      { class: "card-foot" },
      h("span", { class: "card-name", title: id }, id),
      link("Try", "#try"),
      link("Explain", "#explain/matching"),
    ),
    h("p", { class: "card-text" }, text),
  );
}

/**
 * @param {DatasetImage} image
 * @param {Mistake | ""} mistake
 * @param {string[]} classes
 */
function overlay({ width, height, objects, mistakes = {} }, mistake, classes) {
  const labelled = objects.map(({ name, box }) =>
    boxShape(box, { color: colorOf(classes.indexOf(name)), kind: mistake ? "other" : "", title: name }),
  );
  const wrong = (mistake && mistakes[mistake]) || [];
  const mistaken = wrong.map(({ name, box }) =>
    boxShape(box, { color: "#fff", kind: `mistake ${mistake}`, title: `${name}: ${MISTAKES[mistake]}` }),
  );
  return s("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, labelled, mistaken);
}

/**
 * Describe what is in an image, such as "2 dog, 1 cat; missed: 1 dog".
 *
 * @param {DatasetImage} image
 */
function describe({ objects, mistakes = {} }) {
  const wrong = Object.entries(mistakes)
    .filter(([, all]) => all.length)
    .map(([kind, all]) => `${MISTAKES[kind]}: ${tally(all)}`);
  return [tally(objects) || "no objects", ...wrong].join("; ");
}

/** @param {LabelledObject[]} objects */
function tally(objects) {
  const numbers = new Map();
  for (const { name } of objects) numbers.set(name, (numbers.get(name) ?? 0) + 1);
  return [...numbers].map(([name, n]) => `${n} ${name}`).join(", ");
}
