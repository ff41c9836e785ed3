// Detections as files: JSON of all images, and an image with its boxes.

/** @import { Detection } from "../shared/api.d.ts" */
/** @import { App } from "../shared/app.js" */
/** @import { OpenImage } from "../shared/images.js" */
/** @import { Caption } from "../shared/captions.js" */

import { detectionCaption } from "../shared/captions.js";
import { h } from "../shared/dom.js";

const QUALITY = 0.92; // of the JPEG file
const UNIT = 400; // pixels of the shorter side of the image per unit of lines and letters

/**
 * Save the detections that are shown, of all images.
 *
 * @param {App} app
 */
export function saveJson({ model, images, thresholds }) {
  const results = images.list
    .filter(({ status }) => status === "done")
    .map(({ name, width, height, detections }) => ({
      name,
      width,
      height,
      detections: detections.filter((one) => thresholds.shows(one)),
    }));
  const text = JSON.stringify({ model: model.name, results }, null, 1);
  save(new Blob([text], { type: "application/json" }), "detections.json");
}

/**
 * Save an image with the boxes of detections.
 *
 * @param {OpenImage} image
 * @param {Detection[]} detections
 */
export async function saveImage(image, detections) {
  save(await paint(image, detections.map(detectionCaption)), `${image.name.replace(/\.\w+$/, "")}-detections.jpg`);
}

/**
 * Offer bytes as a download.
 *
 * @param {Blob} blob
 * @param {string} name
 */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/**
 * Paint an image and boxes with captions at the size of the image.
 *
 * @param {OpenImage} image
 * @param {Caption[]} captions
 * @returns {Promise<Blob>} A JPEG file.
 */
async function paint({ url, width, height }, captions) {
  const element = new Image();
  element.src = url;
  await element.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  if (!context) throw new Error("The browser has no canvas of this size.");
  context.drawImage(element, 0, 0, width, height);
  const unit = Math.max(1, Math.min(width, height) / UNIT);
  for (const caption of captions) paintBox(context, caption, unit);
  for (const caption of captions) paintCaption(context, caption, unit);
  return new Promise((done, fail) => {
    canvas.toBlob(
      (blob) => (blob ? done(blob) : fail(new Error("The browser cannot encode the image as JPEG."))),
      "image/jpeg",
      QUALITY,
    );
  });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Caption} caption
 * @param {number} unit
 */
function paintBox(context, { box: [x0, y0, x1, y1], color }, unit) {
  context.lineWidth = 2 * unit;
  context.strokeStyle = color;
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Caption} caption
 * @param {number} unit
 */
function paintCaption(context, { box: [x0, y0], text, color, ink }, unit) {
  context.font = `600 ${12 * unit}px system-ui, sans-serif`;
  const width = context.measureText(text).width + 8 * unit;
  const top = Math.max(0, y0 - 17 * unit);
  const left = Math.max(0, Math.min(x0, context.canvas.width - width));
  context.fillStyle = color;
  context.fillRect(left, top, width, 17 * unit);
  context.fillStyle = ink;
  context.fillText(text, left + 4 * unit, top + 12.5 * unit);
}
