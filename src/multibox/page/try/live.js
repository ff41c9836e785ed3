// The live camera: detections in one frame after another.

/** @import { App } from "../shared/app.js" */

import { byId, h } from "../shared/dom.js";
import { OpenImage } from "../shared/images.js";
import { messageOf, round } from "../shared/text.js";
import { closeCamera, openCamera, snapshot } from "./camera.js";
import { Follower } from "./follower.js";

const SMOOTHING = 0.2; // weight of the latest frame in the frames per second

/** Emits "frame" when {@link frame} has changed, and "end" with the reason when the camera stops by itself. */
export class LiveCamera extends EventTarget {
  /** @type {OpenImage | null} The latest frame with its detections. Null if the camera is off. */
  frame = null;
  #api;
  /** Null if nothing can follow objects. */
  #follower;
  #follow = byId("follow", HTMLInputElement);
  /** @type {HTMLVideoElement | null} */
  #video = null;

  /** @param {App} app */
  constructor({ api, thresholds }) {
    super();
    this.#api = api;
    this.#follower = api.tracking ? new Follower(api.tracking, thresholds) : null;
    byId("follow-label").hidden = this.#follower === null;
    this.#follow.addEventListener("change", () => this.#follower?.end());
  }

  /** The tails of tracked objects, if the objects of the latest frame are tracked. */
  get tails() {
    return this.frame?.counts ? this.#follower?.tails : undefined;
  }

  /** Whether the camera is on, or being turned on. */
  get running() {
    return this.#video !== null;
  }

  /** @throws {Error} If the page may not use a camera, or there is none. */
  async start() {
    if (this.running) return;
    const video = h("video", { playsinline: true });
    this.#video = video;
    try {
      video.srcObject = await openCamera();
      if (this.#video !== video) return closeCamera(video);
      video.srcObject.getVideoTracks()[0].addEventListener("ended", () => this.#fail("The camera was disconnected."));
      await video.play();
      this.#run(video);
    } catch (error) {
      if (this.#video !== video) return; // stopped meanwhile
      this.stop();
      throw error;
    }
  }

  /** @returns {OpenImage | null} The last frame. */
  stop() {
    const last = this.frame;
    if (this.#video) closeCamera(this.#video);
    if (last) URL.revokeObjectURL(last.url);
    this.#video = null;
    this.frame = null;
    this.#follower?.end();
    return last;
  }

  /**
   * Detect in one frame after another until the camera is stopped.
   *
   * @param {HTMLVideoElement} video
   */
  async #run(video) {
    let [rate, last] = [0, performance.now()];
    while (this.#video === video) {
      await new Promise(requestAnimationFrame); // a hidden page waits here
      const frame = await this.#detect(video);
      if (this.#video !== video || !frame) continue;
      const now = performance.now();
      rate += (rate ? SMOOTHING : 1) * (1000 / (now - last) - rate);
      last = now;
      byId("live-rate").textContent = `${round(rate, 1)} frames/s`;
      this.#show(frame);
    }
  }

  /** @param {HTMLVideoElement} video */
  async #detect(video) {
    try {
      const file = await snapshot(video);
      if (!file || this.#video !== video) return null; // after its end, a frame would begin another session
      const size = { naturalWidth: video.videoWidth, naturalHeight: video.videoHeight };
      const frame = new OpenImage(file, "", size, {});
      await frame.detect((this.#follow.checked && this.#follower) || this.#api);
      return frame;
    } catch (error) {
      if (this.#video === video) this.#fail(messageOf(error));
      return null;
    }
  }

  /** @param {OpenImage} frame */
  #show(frame) {
    if (frame.status === "failed") return this.#fail(frame.error);
    const before = this.frame;
    frame.url = URL.createObjectURL(frame.file);
    this.frame = frame;
    this.dispatchEvent(new Event("frame"));
    if (before) URL.revokeObjectURL(before.url);
  }

  /** @param {string} reason */
  #fail(reason) {
    if (this.running) this.dispatchEvent(new CustomEvent("end", { detail: reason }));
  }
}
