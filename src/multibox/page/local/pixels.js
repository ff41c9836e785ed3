// The pixels of an image file.

import { isTransparent, readColors } from "./transparent.js";

/**
 * Decode an image file to RGBA, upright, with the colours that the file holds and not those of a screen.
 *
 * @param {Blob} file
 */
export async function decodeImage(file) {
  const bitmap = await open(file);
  try {
    const image = readPixels(bitmap);
    return file.type !== "image/jpeg" && isTransparent(image) ? readColors(bitmap) : image;
  } finally {
    bitmap.close();
  }
}

/** @param {Blob} file */
async function open(file) {
  try {
    return await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch (error) {
    throw new Error("This browser cannot decode the file. Choose a JPEG, PNG or WebP image.", { cause: error });
  }
}

/** @param {ImageBitmap} bitmap */
function readPixels(bitmap) {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("The image is too large for this browser. Choose a smaller one.");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, width, height);
}
