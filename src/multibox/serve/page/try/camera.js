// A picture from the camera.

import { byId } from "../shared/dom.js";

/** Ask for a picture; resolves to a JPEG, or to null where none was taken. `fail` is told in words what went wrong. */
export async function openCamera(fail) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    fail(
      error.name === "NotAllowedError" ? "The browser does not let this page use the camera." : "No camera was found.",
    );
    return null;
  }
  const dialog = byId("camera-dialog");
  const video = byId("camera-picture");
  video.srcObject = stream;
  video.play();
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  const blob = dialog.returnValue === "take" && video.videoWidth ? await snapshot(video) : null;
  stream.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  return blob;
}

function snapshot(video) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
}
