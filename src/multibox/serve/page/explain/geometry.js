// From the network's input to the picture and back.

/** The part of the picture that the input shows, [x0, y0, x1, y1] in pixels; a letterbox reaches beyond it. */
export function windowOf({ width, height }, { size: [rows, columns], resize }) {
  if (resize !== "letterbox") return [0, 0, width, height];
  const pixel = Math.max(width / columns, height / rows);
  const [more, taller] = [(pixel * columns - width) / 2, (pixel * rows - height) / 2];
  return [-more, -taller, width + more, height + taller];
}

/** Corners relative to the input, in pixels of the picture. */
export function toPicture([x0, y0, x1, y1], [left, top, right, bottom]) {
  const [wide, tall] = [right - left, bottom - top];
  return [left + x0 * wide, top + y0 * tall, left + x1 * wide, top + y1 * tall];
}

/** Centre and size as corners. */
export const toCorners = ([cx, cy, w, h]) => [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];

/** A cell of a map, in pixels of the picture. */
export function cellBox(map, row, column, window) {
  const corners = [column / map.width, row / map.height, (column + 1) / map.width, (row + 1) / map.height];
  return toPicture(corners, window);
}

/** The row and column under a point of the picture; null outside the map. */
export function cellAt(map, [x, y], [left, top, right, bottom]) {
  const row = Math.floor(((y - top) / (bottom - top)) * map.height);
  const column = Math.floor(((x - left) / (right - left)) * map.width);
  return row >= 0 && row < map.height && column >= 0 && column < map.width ? { row, column } : null;
}

/** The box that a prior becomes when its deltas are applied only in part; relative to the input. */
export function partlyDecoded([cx, cy, w, h], deltas, variances, share) {
  const [dx, dy, dw, dh] = deltas.map((delta, i) => delta * variances[i] * share);
  return toCorners([cx + dx * w, cy + dy * h, w * Math.exp(dw), h * Math.exp(dh)]);
}

/** Width to height in whole numbers where it is so, as in "2 : 1". */
export function ratioText(ratio) {
  const plain = (value) => (Math.abs(value - Math.round(value)) < 0.02 ? String(Math.round(value)) : value.toFixed(2));
  return ratio >= 1 ? `${plain(ratio)} : 1` : `1 : ${plain(1 / ratio)}`;
}
