// Captions of boxes over an image, as SVG. Coordinates are pixels of the image. Letters keep their size on the screen.

/** @import { Box, Detection, Point } from "./api.d.ts" */

import { s } from "./dom.js";
import { colorNumber, colorOf, inkOf } from "./palette.js";
import { titleOf } from "./text.js";

/** @typedef {{ box: Box, text: string, color: string, ink: string }} Caption */

const FONT = 13; // pixels of the screen
const SMALL_FONT = 11; // over narrow images
const NARROW = 500;
const PADDING = 4;
const pen = document.createElement("canvas").getContext("2d");

/**
 * The caption of a box in the colours of a class.
 *
 * @param {{ box: Box, label: number }} labelled
 * @param {string} text
 * @returns {Caption}
 */
export const captionOf = ({ box, label }, text) => ({ box, text, color: colorOf(label), ink: inkOf(label) });

/**
 * The caption of a detection: its class and score, or its id and class.
 *
 * @param {Detection} detection
 */
export const detectionCaption = (detection) =>
  captionOf({ box: detection.box, label: colorNumber(detection) }, titleOf(detection));

/**
 * A caption in black and white.
 *
 * @param {Box} box
 * @param {string} text
 * @returns {Caption}
 */
export const plainCaption = (box, text) => ({ box, text, color: "#fff", ink: "#000" });

/**
 * Draw captions where they cover each other as little as possible.
 *
 * @param {Caption[]} items
 * @param {number} scale Pixels of the screen per pixel of the image.
 * @param {Point} size Width and height of the image.
 */
export function captionShapes(items, scale, size) {
  const font = size[0] * scale < NARROW ? SMALL_FONT : FONT;
  const padding = PADDING / scale;
  const height = font / scale + 1.2 * padding;
  if (pen) pen.font = `600 ${font}px ${getComputedStyle(document.body).fontFamily}`;
  /** @type {Box[]} */
  const taken = [];
  return items.map((item) => {
    const width = (pen?.measureText(item.text).width ?? 0) / scale + 2 * padding;
    const places = candidates(item.box, [width, height], size);
    const place = places.find((one) => !taken.some((other) => overlap(one, other))) ?? places[0];
    taken.push(place);
    return captionShape(item, place, { font: font / scale, padding, radius: 2 / scale });
  });
}

/**
 * The places for a caption at the edges of its box and inside the image, the best first.
 *
 * @param {Box} box
 * @param {Point} caption Its width and height.
 * @param {Point} size
 * @returns {Box[]}
 */
function candidates([x0, y0, x1, y1], [wide, tall], [width, height]) {
  const left = Math.min(Math.max(x0, 0), Math.max(0, width - wide));
  const right = Math.min(Math.max(x1 - wide, 0), Math.max(0, width - wide));
  const corners = [
    [left, y0 - tall],
    [left, y0],
    [right, y0 - tall],
    [left, y1],
    [right, y1 - tall],
    [left, y1 - tall],
  ].filter(([, top]) => top >= -0.01 && top + tall <= height + 0.01);
  return (corners.length ? corners : [[left, 0]]).map(([x, y]) => [x, y, x + wide, y + tall]);
}

/**
 * @param {Caption} caption
 * @param {Box} place
 * @param {{ font: number, padding: number, radius: number }} style
 */
function captionShape({ text, color, ink }, [x0, y0, x1, y1], { font, padding, radius }) {
  return s(
    "g",
    { class: "caption", color },
    s("rect", { x: x0, y: y0, width: x1 - x0, height: y1 - y0, rx: radius }),
    s("text", { x: x0 + padding, y: y1 - 1.25 * padding, "font-size": font, fill: ink }, text),
  );
}

/**
 * @param {Box} a
 * @param {Box} b
 */
const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
