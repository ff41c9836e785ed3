// An image that can be zoomed and moved, with a drawing over it.

/** @import { Point } from "./api.d.ts" */
/** @import { OpenImage } from "./images.js" */

import { button, h, s } from "./dom.js";
import { Gestures } from "./gestures.js";
import { round } from "./text.js";
import { Viewport } from "./viewport.js";

const ZOOM = 1.5;

/** @typedef {{ point: Point, target: EventTarget | null }} Pointed A point in pixels of the image, and what is there. */
/** @typedef {(from: Point, to: Point, done: boolean) => void} Drag From and to are in pixels of the image. */

/** Emits "view" when the image has moved, and "hover" and "pick" with {@link Pointed} details. */
export class Stage extends EventTarget {
  /** @type {Drag | null} Called for each drag, which then does not move the image. */
  drag = null;
  #drawing = s("svg", { class: "drawing", "aria-hidden": "true" });
  #image = h("img", { alt: "", draggable: "false" });
  #layer = h("div", { class: "layer" }, this.#image, this.#drawing);
  #port = h("div", { class: "port", tabindex: 0, role: "application" }, this.#layer);
  #percent = h("output", { class: "zoom" }, "100%");
  #root;
  #viewport;

  /**
   * @param {HTMLElement} root An empty element of the class "stage".
   * @param {{ label: string, margin?: number, keys?: (event: KeyboardEvent) => boolean }} options `label` names the
   *   image for screen readers. `margin` is the free space around it, as a share of its size. `keys` is called
   *   with each key first, and returns whether it has handled the key.
   */
  constructor(root, { label, margin = 0, keys = () => false }) {
    super();
    this.label = label;
    this.keys = keys;
    this.#root = root;
    this.#viewport = new Viewport(margin);
    this.#port.setAttribute("aria-label", label);
    root.append(this.#port, this.#tools());
    new Gestures(this.#port, this);
    new ResizeObserver(() => this.#place()).observe(this.#port);
  }

  /** The width and height of the image. */
  get size() {
    return this.#viewport.image;
  }

  /** Pixels of the screen per pixel of the image. */
  get scale() {
    return this.#viewport.scale;
  }

  get zoom() {
    return this.#viewport.zoom;
  }

  /** @param {OpenImage} image */
  show(image) {
    if (this.#image.src !== image.url) this.#image.src = image.url;
    this.#image.alt = image.name;
    this.#root.classList.toggle("undecodable", !image.decodable);
    this.#root.style.setProperty("--shape", `${image.width / image.height}`);
    this.#drawing.setAttribute("viewBox", `0 0 ${image.width} ${image.height}`);
    this.#port.setAttribute("aria-label", `${this.label}: ${image.name}`);
    this.#viewport.image = [image.width, image.height];
    this.fit();
  }

  /**
   * Show the next frame of a video. The zoom stays.
   *
   * @param {OpenImage} image
   */
  advance(image) {
    const [width, height] = this.size;
    if (width === image.width && height === image.height) this.#image.src = image.url;
    else this.show(image);
  }

  /** @param {SVGElement[]} shapes In pixels of the image, those in front last. */
  draw(shapes) {
    this.#drawing.replaceChildren(...shapes);
  }

  fit() {
    this.#viewport.fit();
    this.#place();
  }

  /**
   * Zoom by a factor.
   *
   * @param {number} factor
   * @param {MouseEvent | null} [event] Its point stays where it is.
   */
  zoomBy(factor, event = null) {
    this.#viewport.zoomBy(factor, event && this.#inPort(event));
    this.#place();
  }

  /** @param {Point} distance In pixels of the screen. */
  moveBy(distance) {
    this.#viewport.moveBy(distance);
    this.#place();
  }

  /**
   * The point of the image at a pointer.
   *
   * @param {MouseEvent} event
   */
  pointAt(event) {
    return this.#viewport.toImage(this.#inPort(event));
  }

  /**
   * @param {"hover" | "pick"} kind
   * @param {MouseEvent} event
   */
  emit(kind, event) {
    const detail = { point: this.pointAt(event), target: event.target };
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  /**
   * @param {MouseEvent} event
   * @returns {Point}
   */
  #inPort({ clientX, clientY }) {
    const { left, top } = this.#port.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  #place() {
    const viewport = this.#viewport;
    viewport.size = [this.#port.clientWidth, this.#port.clientHeight];
    if (!viewport.size[0]) return; // it is hidden
    viewport.clamp();
    const [left, top] = viewport.corner;
    const [width, height] = viewport.image.map((length) => length * viewport.scale);
    const pixels = Object.entries({ left, top, width, height }).map(([name, value]) => [name, `${value}px`]);
    Object.assign(this.#layer.style, Object.fromEntries(pixels));
    this.#percent.textContent = `${round(100 * viewport.zoom, 0)}%`;
    this.#port.classList.toggle("near", viewport.zoom > 1 || this.drag !== null);
    this.dispatchEvent(new Event("view"));
  }

  #tools() {
    /** @type {(text: string, name: string, act: () => void) => HTMLElement} */
    const tool = (text, name, act) => button({ class: "icon", "aria-label": name, title: name, onclick: act }, text);
    return h(
      "div",
      { class: "zoomer", role: "group", "aria-label": "Zoom" },
      tool("−", "Zoom out", () => this.zoomBy(1 / ZOOM)),
      this.#percent,
      tool("+", "Zoom in", () => this.zoomBy(ZOOM)),
      tool("Fit", "Fit the image", () => this.fit()),
    );
  }
}
