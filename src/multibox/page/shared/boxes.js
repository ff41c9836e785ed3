// Boxes and grids over an image, as SVG. Coordinates are pixels of the image. Lines keep their width on the screen.

/** @import { Box } from "./api.d.ts" */
/** @import { Attributes } from "./dom.js" */

import { s } from "./dom.js";

/**
 * Draw a box: a line in its colour on a pale one, so that it stands out on any image.
 *
 * @param {Box} box
 * @param {{ color: string, kind?: string, title?: string, index?: number }} options `kind` is a class of the style
 *   sheet, `title` is the tooltip, and a box with an `index` can be picked.
 */
export function boxShape([x0, y0, x1, y1], { color, kind = "", title, index }) {
  const place = { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) };
  return outlined("rect", place, { class: `box ${kind}`, color, "data-index": index }, title);
}

/**
 * Draw the lines of a grid over a rectangle.
 *
 * @param {{ height: number, width: number }} cells
 * @param {Box} area
 */
export function gridShape({ height, width }, [x0, y0, x1, y1], kind = "") {
  const lines = [];
  for (let i = 0; i <= width; i++) lines.push(`M${x0 + ((x1 - x0) * i) / width} ${y0}V${y1}`);
  for (let i = 0; i <= height; i++) lines.push(`M${x0} ${y0 + ((y1 - y0) * i) / height}H${x1}`);
  return outlined("path", { d: lines.join("") }, { class: `grid ${kind}` });
}

/**
 * Draw a line or an outline.
 *
 * @param {string} d In the words of SVG.
 * @param {{ kind: string, color?: string }} options `kind` is a class of the style sheet.
 */
export const pathShape = (d, { kind, color }) => outlined("path", { d }, { class: kind, color });

/**
 * @param {"rect" | "path"} tag
 * @param {Attributes} place
 * @param {Attributes} attributes
 * @param {string} [title]
 */
function outlined(tag, place, attributes, title) {
  return s(
    "g",
    attributes,
    title && s("title", {}, title),
    s(tag, { class: "halo", ...place }),
    s(tag, { class: "line", ...place }),
  );
}
