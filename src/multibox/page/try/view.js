// Try: detections in the user's images.

/** @import { Detection } from "../shared/api.d.ts" */
/** @import { App } from "../shared/app.js" */
/** @import { OpenImage } from "../shared/images.js" */

import { announce } from "../shared/announce.js";
import { byId } from "../shared/dom.js";
import { Stage } from "../shared/stage.js";
import { count } from "../shared/text.js";
import { ClassFilter } from "./classes.js";
import { DetectionList } from "./detections.js";
import { detectionShapes } from "./drawing.js";
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
    this.#listen();
    this.#render();
  }

  open() {}

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
  }

  /** @param {File[]} files */
  async #openFiles(files) {
    const images = files.filter(({ type }) => !type || type.startsWith("image/"));
    const skipped = files.length - images.length;
    this.#notice = skipped ? `Only images can be opened. ${count(skipped, "file was", "files were")} skipped.` : "";
    this.#fail(this.#notice);
    if (!images.length) return;
    location.hash = "#try";
    announce(`${count(images.length, "image")} opened. Detecting.`);
    await this.#app.images.open(images);
  }

  /** @param {string} message */
  #fail(message) {
    byId("try-error").textContent = message;
  }

  #shown() {
    const { images, thresholds } = this.#app;
    return (images.current?.detections ?? []).filter((one) => thresholds.shows(one));
  }

  #applyThresholds() {
    this.#threshold.render();
    this.#render();
    const all = this.#app.images.current?.detections.length ?? 0;
    announce(`${this.#shown().length} of ${count(all, "detection")} shown.`);
  }

  #render() {
    const image = this.#app.images.current;
    byId("try").classList.toggle("empty", !image);
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
      this.#highlighted = null;
      this.#stage.show(image);
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
    if (status !== "done") return;
    announce(`${name}: ${this.#shown().length} of ${count(detections.length, "detection")} shown.`);
  }

  #draw() {
    if (this.#app.images.current) this.#stage.draw(detectionShapes(this.#shown(), this.#highlighted, this.#stage));
  }

  /** @param {Detection | null} detection */
  #highlight(detection) {
    this.#highlighted = detection;
    this.#draw();
  }

  /** @param {Detection | null} detection */
  #explain(detection) {
    this.#app.selected = detection;
    location.hash = "#explain/detection";
  }

  async #saveImage() {
    const image = this.#app.images.current;
    if (!image) return;
    try {
      await saveImage(image, this.#shown());
    } catch {
      this.#fail("The browser cannot draw this image. Save the JSON instead.");
    }
  }
}
