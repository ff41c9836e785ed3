// The list of detections.

/** @import { Detection } from "../shared/api.d.ts" */
/** @import { OpenImage } from "../shared/images.js" */

import { button, byId, fill, h } from "../shared/dom.js";
import { colorNumber, colorOf } from "../shared/palette.js";
import { nameOf, pixels, round } from "../shared/text.js";

export class DetectionList {
  #highlight;
  #explain;

  /**
   * @param {(detection: Detection | null) => void} highlight Called with the detection that is pointed at.
   * @param {(detection: Detection) => void} explain Called with a detection that is chosen.
   */
  constructor(highlight, explain) {
    this.#highlight = highlight;
    this.#explain = explain;
  }

  /**
   * @param {OpenImage} image
   * @param {Detection[]} shown
   */
  render(image, shown) {
    byId("found-count").textContent = image.status === "done" ? `${shown.length} of ${image.detections.length}` : "";
    fill(
      byId("found"),
      shown.map((detection, i) => this.#row(detection, i)),
      shown.length === 0 && h("li", { class: "soft" }, whyEmpty(image)),
    );
  }

  /**
   * @param {Detection} detection
   * @param {number} i
   */
  #row(detection, i) {
    const { score, box, id } = detection;
    const attributes = {
      class: "found",
      "data-key": id ?? `row-${i}`,
      "aria-label": sentence(detection),
      onmouseenter: () => this.#highlight(detection),
      onmouseleave: () => this.#highlight(null),
      onfocus: () => this.#highlight(detection),
      onblur: () => this.#highlight(null),
      onclick: () => this.#explain(detection),
    };
    const parts = [
      h("span", { class: "swatch" }),
      h("span", { class: "name" }, nameOf(detection)),
      h("span", { class: "score" }, round(score)),
      h("span", { class: "where" }, pixels(box)),
    ];
    return h("li", { color: colorOf(colorNumber(detection)) }, button(attributes, parts));
  }
}

/** @param {OpenImage} image */
function whyEmpty({ status, detections }) {
  if (status === "waiting") return "Detecting…";
  if (status === "failed") return "No detections: the image was refused.";
  return detections.length
    ? "No detection is shown. Lower the threshold or show more classes."
    : "Nothing was detected in this image.";
}

/** @param {Detection} detection */
function sentence(detection) {
  const [x0, y0, x1, y1] = detection.box.map((value) => round(value, 0));
  return `${nameOf(detection)}, score ${round(detection.score)}, from ${x0}, ${y0} to ${x1}, ${y1}. Explain it`;
}
