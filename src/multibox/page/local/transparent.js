// The colours of images with transparent pixels, as files hold them. A canvas multiplies colours with their opacity, and
// so loses those of transparent pixels, which Python sees.

/**
 * Whether any pixel is transparent.
 *
 * @param {ImageData} image
 */
export function isTransparent({ data }) {
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return true;
  return false;
}

/**
 * Read the colours of an image through a texture, which keeps them.
 *
 * @param {ImageBitmap} bitmap Its colours are not multiplied with their opacity.
 */
export function readColors(bitmap) {
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!gl) throw new Error("This browser cannot read images with transparent parts. Choose one without them.");
  attach(gl, bitmap);
  const data = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  if (gl.getError() !== gl.NO_ERROR)
    throw new Error("The image is too large for this browser to read its transparent parts. Choose a smaller one.");
  return { data, width, height };
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {ImageBitmap} bitmap
 */
function attach(gl, bitmap) {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
}
