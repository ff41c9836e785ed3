// The colours of the classes, the same as those of multibox.draw.

const PALETTE = [
  [230, 50, 60],
  [40, 120, 230],
  [50, 170, 70],
  [255, 165, 0],
  [150, 70, 200],
  [0, 190, 200],
  [240, 90, 190],
  [250, 220, 50],
  [170, 105, 50],
  [160, 220, 70],
  [90, 100, 255],
  [255, 150, 130],
  [0, 150, 130],
  [190, 160, 255],
  [120, 255, 250],
  [110, 110, 120],
  [255, 215, 170],
  [140, 160, 20],
  [90, 210, 160],
  [200, 110, 20],
];
const DARKEST_UNDER_BLACK = 0.18; // relative luminance from which black text is easier to read than white

/** @param {number} label */
const rgb = (label) => PALETTE[((label % PALETTE.length) + PALETTE.length) % PALETTE.length];

/**
 * The number that chooses the colour of a detection: its id if it is tracked, else its class.
 *
 * @param {{ label: number, id?: number }} detection
 */
export const colorNumber = ({ label, id }) => id ?? label;

/**
 * The colour of a class, for CSS.
 *
 * @param {number} label
 */
export const colorOf = (label) => `rgb(${rgb(label).join(" ")})`;

/**
 * Black or white, whichever is easier to read on the colour of a class.
 *
 * @param {number} label
 */
export function inkOf(label) {
  const [red, green, blue] = rgb(label).map((value) => (value / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > DARKEST_UNDER_BLACK ? "#000" : "#fff";
}
