// Where images come from: chosen files, the camera, files dropped on the page, and the clipboard.

import { byId } from "../shared/dom.js";
import { messageOf } from "../shared/text.js";
import { debounce } from "../shared/timing.js";
import { takePhoto } from "./camera.js";

const DRAG_ENDS = 200; // milliseconds after its last event

/**
 * Listen to all sources of images.
 *
 * @param {(files: File[]) => void} open
 * @param {(message: string) => void} fail Called with the reason why a source gives no image.
 */
export function listenToSources(open, fail) {
  acceptChosen(open);
  acceptPhotos(open, fail);
  acceptDropped(open);
  addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData?.files.length) open([...clipboardData.files].map(named));
  });
}

/** @param {(files: File[]) => void} open */
function acceptChosen(open) {
  const input = byId("files", HTMLInputElement);
  input.addEventListener("change", () => {
    open([...(input.files ?? [])]);
    input.value = "";
  });
  byId("more").addEventListener("click", () => input.click());
}

/**
 * @param {(files: File[]) => void} open
 * @param {(message: string) => void} fail
 */
function acceptPhotos(open, fail) {
  const camera = byId("camera");
  let taking = false;
  camera.hidden = !navigator.mediaDevices?.getUserMedia;
  camera.addEventListener("click", async () => {
    if (taking) return; // a double click is one
    taking = true;
    try {
      const photo = await takePhoto();
      if (photo) open([photo]);
    } catch (error) {
      fail(messageOf(error));
    } finally {
      taking = false;
    }
  });
}

/** @param {(files: File[]) => void} open */
function acceptDropped(open) {
  /** @param {boolean} on */
  const show = (on) => document.body.classList.toggle("dropping", on);
  const hide = debounce(() => show(false), DRAG_ENDS);
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    show(true);
    hide();
  });
  addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    show(false);
    open([...event.dataTransfer.files]);
  });
}

/** @param {File} file */
const named = (file) => (file.name ? file : new File([file], "pasted image", { type: file.type }));
