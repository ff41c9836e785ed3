// The lines and zones at which a server counts, with their numbers.

/** @import { Box, Counts, Place, Point } from "../shared/api.d.ts" */

import { pathShape } from "../shared/boxes.js";
import { plainCaption } from "../shared/captions.js";

const ARROW = 1 / 12; // its length, as a share of the image's shorter side
const HEAD = 0.3; // of an arrow, as a share of its length

/**
 * Draw lines and zones. The arrow at a line points to where "in" is.
 *
 * @param {Place[]} places
 * @param {Point} size Width and height of the image.
 */
export function placeShapes(places, size) {
  return places.map((place) => {
    const corners = cornersOf(place, size);
    const outline = `M${corners.map((corner) => corner.join(" ")).join("L")}`;
    const d = place.kind === "zone" ? `${outline}Z` : outline + arrow(corners, Math.min(...size) * ARROW);
    return pathShape(d, { kind: "place" });
  });
}

/**
 * The captions of lines and zones, such as "gate: 3 in, 1 out".
 *
 * @param {Place[]} places
 * @param {Counts} counts
 * @param {Point} size Width and height of the image.
 */
export function placeCaptions(places, counts, size) {
  return places.map((place) => {
    const corners = cornersOf(place, size);
    const [x, y] = place.kind === "zone" ? corners.reduce((a, b) => (b[1] < a[1] ? b : a)) : corners[0];
    const numbers = Object.entries(counts[place.name] ?? {})
      .filter(([what]) => what !== "left")
      .map(([what, classes]) => `${Object.values(classes).reduce((sum, number) => sum + number, 0)} ${what}`);
    return plainCaption(/** @type {Box} */ ([x, y, x, y]), `${place.name}: ${numbers.join(", ")}`);
  });
}

/**
 * @param {Place} place
 * @param {Point} size
 * @returns {Point[]} In pixels of the image.
 */
const cornersOf = ({ points, in_parts }, [width, height]) =>
  points.map(([x, y]) => (in_parts ? [x * width, y * height] : [x, y]));

/**
 * An arrow at the middle of a line, to its right as seen from its first point.
 *
 * @param {Point[]} line
 * @param {number} length
 */
function arrow([[x0, y0], [x1, y1]], length) {
  const whole = Math.hypot(x1 - x0, y1 - y0) || 1;
  const [right, down] = [(-(y1 - y0) / whole) * length, ((x1 - x0) / whole) * length];
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const [tipX, tipY] = [x + right / 2, y + down / 2];
  const side = (/** @type {1 | -1} */ way) =>
    `M${tipX} ${tipY}L${tipX - HEAD * (right + way * down)} ${tipY - HEAD * (down - way * right)}`;
  return `M${x - right / 2} ${y - down / 2}L${tipX} ${tipY}${side(1)}${side(-1)}`;
}
