// One step of augmentation: its images before and after, with their objects.

/** @import { AugmentationStep, RelativeObject } from "../../shared/api.d.ts" */

import { boxShape } from "../../shared/boxes.js";
import { h, s } from "../../shared/dom.js";
import { colorOf } from "../../shared/palette.js";

/**
 * @param {AugmentationStep} step
 * @param {RelativeObject[]} objectsBefore
 * @param {string[]} classes
 */
export function stepItem({ title, says, before, after, did, objects }, objectsBefore, classes) {
  const text = h("div", { class: "step-text" }, h("h3", {}, title), h("p", {}, says));
  if (!did) {
    text.append(h("p", { class: "skipped" }, "Skipped with this seed."));
    return h("li", { class: "step idle" }, text);
  }
  const names = objects.length ? `, with ${objects.map(({ name }) => name).join(", ")}` : "";
  return h(
    "li",
    { class: "step" },
    text,
    figure(before, `Before: ${title}`, outlines(objectsBefore, classes), "Before"),
    figure(after, `After: ${title}`, outlines(objects, classes), `After${names}`),
  );
}

/**
 * @param {RelativeObject[]} objects
 * @param {string[]} classes
 */
const outlines = (objects, classes) =>
  objects.map(({ name, box_rel: box }) => boxShape(box, { color: colorOf(classes.indexOf(name)), title: name }));

/**
 * @param {string} url
 * @param {string} alt
 * @param {SVGElement[]} boxes Relative to the image.
 * @param {string} caption
 */
function figure(url, alt, boxes, caption) {
  const overlay = s("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" }, boxes);
  const plate = h("div", { class: "plate" }, h("img", { src: url, alt }), overlay);
  return h("figure", {}, plate, h("figcaption", {}, caption));
}
