// Boxes over a picture, as SVG. Coordinates are pixels of the picture; lines and letters keep their size on the screen.

import { s } from "./dom.js";

const FONT = 13; // pixels of the screen
const SMALL_FONT = 11; // where the picture is narrow
const NARROW = 500;
const pen = document.createElement("canvas").getContext("2d");

/** One box: a line in its colour on a pale one, so that it is seen on any picture. */
export function boxShape([x0, y0, x1, y1], { color, kind = "", title, ...rest }) {
  const place = { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) };
  return s(
    "g",
    { class: `box ${kind}`, color, ...rest },
    title ? s("title", {}, title) : null,
    s("rect", { class: "halo", ...place }),
    s("rect", { class: "line", ...place }),
  );
}

/** Captions for boxes [{box, text, color, ink}], placed so that they cover each other as little as they can. */
export function captions(items, scale, [width, height]) {
  const font = width * scale < NARROW ? SMALL_FONT : FONT;
  const size = font / scale;
  const pad = 4 / scale;
  const tall = size + 1.2 * pad;
  pen.font = `600 ${font}px ${getComputedStyle(document.body).fontFamily}`;
  const taken = [];
  return items.map(({ box: [x0, y0, x1, y1], text, color, ink }) => {
    const wide = pen.measureText(text).width / scale + 2 * pad;
    const left = Math.min(Math.max(x0, 0), Math.max(0, width - wide));
    const right = Math.min(Math.max(x1 - wide, 0), Math.max(0, width - wide));
    const places = [
      [left, y0 - tall],
      [left, y0],
      [right, y0 - tall],
      [left, y1],
      [right, y1 - tall],
      [left, y1 - tall],
    ]
      .filter(([, top]) => top >= -0.01 && top + tall <= height + 0.01)
      .map(([x, y]) => [x, y, x + wide, y + tall]);
    const place = places.find((one) => !taken.some((other) => overlap(one, other))) ??
      places[0] ?? [left, 0, left + wide, tall];
    taken.push(place);
    return s(
      "g",
      { class: "caption", color },
      s("rect", { x: place[0], y: place[1], width: wide, height: tall, rx: 2 / scale }),
      s("text", { x: place[0] + pad, y: place[1] + tall - 1.25 * pad, "font-size": size, fill: ink }, text),
    );
  });
}

const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

/** The lines of a grid over the rectangle [x0, y0, x1, y1], as one path. */
export function gridShape(rows, columns, [x0, y0, x1, y1], kind = "") {
  const lines = [];
  for (let i = 0; i <= columns; i++) lines.push(`M${x0 + ((x1 - x0) * i) / columns} ${y0}V${y1}`);
  for (let i = 0; i <= rows; i++) lines.push(`M${x0} ${y0 + ((y1 - y0) * i) / rows}H${x1}`);
  const d = lines.join("");
  return s("g", { class: `grid ${kind}` }, s("path", { class: "halo", d }), s("path", { class: "line", d }));
}

/** Draw a picture and boxes [{box, text, color, ink}] into a canvas of the picture's own size. */
export async function paint(picture, boxes) {
  const image = new Image();
  image.src = picture.url;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, picture.width, picture.height);
  const unit = Math.max(1, Math.min(picture.width, picture.height) / 400);
  context.font = `600 ${12 * unit}px system-ui, sans-serif`;
  for (const {
    box: [x0, y0, x1, y1],
    color,
  } of boxes) {
    context.lineWidth = 2 * unit;
    context.strokeStyle = color;
    context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
  for (const {
    box: [x0, y0],
    text,
    color,
    ink,
  } of boxes) {
    const wide = context.measureText(text).width + 8 * unit;
    const top = Math.max(0, y0 - 17 * unit);
    const left = Math.max(0, Math.min(x0, picture.width - wide));
    context.fillStyle = color;
    context.fillRect(left, top, wide, 17 * unit);
    context.fillStyle = ink;
    context.fillText(text, left + 4 * unit, top + 12.5 * unit);
  }
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
}
