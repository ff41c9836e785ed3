// The camera: a photo, or frame after frame.

import { showDialog } from "../shared/dialog.js";
import { byId } from "../shared/dom.js";

const QUALITY = 0.95; // of the JPEG file

/**
 * Let the user take a photo.
 *
 * @returns {Promise<File | null>} A JPEG file, or null if the user took none.
 * @throws {Error} If the page may not use a camera, or there is none.
 */
export async function takePhoto() {
  const stream = await openCamera();
  const dialog = byId("camera-dialog", HTMLDialogElement);
  const video = byId("camera-video", HTMLVideoElement);
  video.srcObject = stream;
  video.play();
  const answer = await showDialog(dialog);
  const photo = answer === "take" && video.videoWidth ? await snapshot(video) : null;
  closeCamera(video);
  return photo;
}

/** @param {HTMLVideoElement} video The video that shows the camera. */
export function closeCamera(video) {
  if (video.srcObject instanceof MediaStream) video.srcObject.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

/**
 * Turn the camera on.
 *
 * @throws {Error} If the page may not use a camera, or there is none.
 */
export async function openCamera() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    const refused = error instanceof DOMException && error.name === "NotAllowedError";
    const message = refused
      ? "The browser blocks the camera. Allow it for this page and try again."
      : "No camera was found. Connect one, or choose an image file.";
    throw new Error(message, { cause: error });
  }
}

/**
 * Save what a video shows now.
 *
 * @param {HTMLVideoElement} video
 * @returns {Promise<File | null>} A JPEG file.
 */
export async function snapshot(video) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  /** @type {Blob | null} */
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  const time = new Date().toISOString().slice(11, 19).replaceAll(":", "-");
  return blob && new File([blob], `camera-${time}.jpg`, { type: blob.type });
}
