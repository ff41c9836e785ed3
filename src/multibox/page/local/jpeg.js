// The header of JPEG files.

const [START, FILL, SCAN] = [0xd8, 0xff, 0xda];
const NO_FRAMES = [0xc4, 0xc8, 0xcc]; // the other markers from 0xc0 to 0xcf begin a frame
const CMYK = 4; // components

/**
 * Whether a file is a JPEG image in CMYK, whose colours each program converts in its own way.
 *
 * @param {Uint8Array} bytes The beginning of the file.
 */
export function isCmyk(bytes) {
  if (bytes[0] !== FILL || bytes[1] !== START) return false;
  for (let at = 2; at + 9 < bytes.length;) {
    const marker = bytes[at + 1];
    if (marker === FILL) at++;
    else if (bytes[at] !== FILL || marker === SCAN) return false;
    else if ((marker & 0xf0) === 0xc0 && !NO_FRAMES.includes(marker)) return bytes[at + 9] === CMYK;
    else at += 2 + 256 * bytes[at + 2] + bytes[at + 3];
  }
  return false;
}
