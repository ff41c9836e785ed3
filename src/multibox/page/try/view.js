// Try: detections in the user's images.

/** @import { Detection } from "../shared/api.d.ts" */
/** @import { App } from "../shared/app.js" */
/** @import { OpenImage } from "../shared/images.js" */

import { announce } from "../shared/announce.js";
import { byId } from "../shared/dom.js";
import { Stage } from "../shared/stage.js";
import { count, messageOf } from "../shared/text.js";
import { ClassFilter } from "./classes.js";
import { DetectionList } from "./detections.js";
import { detectionShapes } from "./drawing.js";
import { LiveCamera } from "./live.js";
import { placeCaptions, placeShapes } from "./places.js";
import { saveImage, saveJson } from "./saving.js";
import { listenToSources } from "./sources.js";
import { ImageStrip } from "./strip.js";
import { ThresholdPanel } from "./threshold.js";
import { renderTimings } from "./timings.js";

export class TryView {
  #app;
  #stage = new Stage(byId("try-stage"), {
    label: "Image with its detections. Plus and minus zoom, 0 fits, arrows move",
  });
  #strip;
  #threshold;
  #classes;
  #live;
  #list = new DetectionList(
    (detection) => this.#highlight(detection),
    (detection) => this.#explain(detection),
  );
  /** @type {{ image: OpenImage, width: number, status: string } | null} What was rendered last. */
  #rendered = null;
  /** @type {Detection | null} */
  #highlighted = null;
  #notice = "";

  /** @param {App} app */
  constructor(app) {
    this.#app = app;
    this.#strip = new ImageStrip(app);
    this.#threshold = new ThresholdPanel(app.thresholds);
    this.#classes = new ClassFilter(app);
    this.#live = new LiveCamera(app);
    this.#listen();
    this.#render();
  }

  open() {}

  leave() {
    this.#stopLive();
  }

  /** The image that is shown: a frame of the live camera, or an open image. */
  get #image() {
    return this.#live.frame ?? this.#app.images.current;
  }

  #listen() {
    const { images, thresholds } = this.#app;
    listenToSources(
      (files) => this.#openFiles(files),
      (message) => this.#fail(message),
    );
    images.addEventListener("change", () => this.#render());
    thresholds.addEventListener("change", () => this.#applyThresholds());
    this.#stage.addEventListener("view", () => this.#draw());
    byId("save-json").addEventListener("click", () => saveJson(this.#app));
    byId("save-image").addEventListener("click", () => this.#saveImage());
    byId("to-explain").addEventListener("click", () => this.#explain(null));
    this.#listenToLive();
  }

  #listenToLive() {
    this.#live.addEventListener("frame", () => {
      const first = !byId("try").classList.contains("live");
      this.#render();
      if (first) byId("live-stop").focus({ preventScroll: true }); // the button that was pressed is hidden now
    });
    this.#live.addEventListener("end", (event) => {
      this.#notice = event instanceof CustomEvent ? event.detail : "";
      this.#live.stop();
      this.#render();
      this.#fail(this.#notice);
    });
    for (const id of ["live", "more-live"]) {
      byId(id).hidden = !navigator.mediaDevices?.getUserMedia;
      byId(id).addEventListener("click", () => this.#startLive());
    }
    byId("live-stop").addEventListener("click", async () => {
      await this.#stopLive();
      byId("more-live").focus({ preventScroll: true });
    });
  }

  async #startLive() {
    this.#notice = "";
    this.#fail("");
    try {
      await this.#live.start();
      announce("The camera is on.");
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  /** Stop the camera. Its last frame stays open as an image. */
  async #stopLive() {
    const frame = this.#live.stop();
    if (!frame) return;
    announce("The camera is off.");
    await this.#app.images.open([frame.file]);
  }

  /** @param {File[]} files */
  async #openFiles(files) {
    const images = files.filter(({ type }) => !type || type.startsWith("image/"));
    const skipped = files.length - images.length;
    this.#notice = skipped ? `Only images can be opened. ${count(skipped, "file was", "files were")} skipped.` : "";
    this.#fail(this.#notice);
    if (!images.length) return;
    this.#live.stop();
    location.hash = "#try";
    announce(`${count(images.length, "image")} opened. Detecting.`);
    await this.#app.images.open(images);
  }

  /** @param {string} message */
  #fail(message) {
    byId("try-error").textContent = message;
  }

  #shown() {
    return (this.#image?.detections ?? []).filter((one) => this.#app.thresholds.shows(one));
  }

  #applyThresholds() {
    this.#threshold.render();
    this.#render();
    const all = this.#image?.detections.length ?? 0;
    announce(`${this.#shown().length} of ${count(all, "detection")} shown.`);
  }

  #render() {
    const image = this.#image;
    byId("try").classList.toggle("empty", !image);
    byId("try").classList.toggle("live", this.#live.frame !== null);
    byId("try").classList.toggle("followed", Boolean(image?.counts));
    byId("try-work").hidden = !image;
    this.#strip.render();
    if (image) this.#renderImage(image);
    else this.#rendered = null;
  }

  /** @param {OpenImage} image */
  #renderImage(image) {
    const { image: before, width, status } = this.#rendered ?? {};
    const { width: newWidth, status: newStatus } = image;
    this.#rendered = { image, width: newWidth, status: newStatus };
    if (before !== image || width !== newWidth) {
      const { id = null } = this.#highlighted ?? {};
      this.#highlighted = image.detections.find((one) => one.id === id) ?? null;
      if (image === this.#live.frame) this.#stage.advance(image);
      else this.#stage.show(image);
    }
    if (before !== image || status !== newStatus) this.#announce(image);
    this.#fail(image.error || image.note || this.#notice);
    byId("try-stage").classList.toggle("waiting", newStatus === "waiting");
    this.#classes.render(image.detections);
    this.#list.render(image, this.#shown());
    renderTimings(image);
    this.#draw();
  }

  /** @param {OpenImage} image */
  #announce({ status, name, detections }) {
    if (status !== "done" || this.#live.running) return;
    announce(`${name}: ${this.#shown().length} of ${count(detections.length, "detection")} shown.`);
  }

  #draw() {
    const image = this.#image;
    if (!image) return;
    const shown = this.#shown();
    const { size } = this.#stage;
    const places = image.counts ? (this.#app.model.places ?? []) : [];
    const captions = placeCaptions(places, image.counts ?? {}, size);
    this.#stage.draw([
      ...placeShapes(places, size),
      ...(this.#live.tails?.shapes(shown) ?? []),
      ...detectionShapes(shown, this.#highlighted, this.#stage, captions),
    ]);
  }

  /** @param {Detection | null} detection */
  #highlight(detection) {
    this.#highlighted = detection;
    this.#draw();
  }

  /** @param {Detection | null} detection */
  async #explain(detection) {
    this.#app.selected = this.#live.frame ? null : detection; // those of a frame are tracked
    await this.#stopLive();
    location.hash = "#explain/detection";
  }

  async #saveImage() {
    const image = this.#image;
    if (!image) return;
    try {
      await saveImage(image, this.#shown());
    } catch {
      this.#fail("The browser cannot draw this image. Save the JSON instead.");
    }
  }
}
