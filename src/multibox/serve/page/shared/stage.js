// A picture that can be zoomed and moved, with a drawing over it.

import { h, s, round } from "./dom.js";

const CLOSEST = 16;

/** Fills `root` (a .stage) with a picture, an SVG over it in the picture's pixels, and the zoom buttons. */
export class Stage extends EventTarget {
  #root;
  #port;
  #layer;
  #image;
  #pointers = new Map();
  #moved = false;
  #label;
  #size = [1, 1];
  #zoom = 1; // 1: the picture fits
  #center = [0.5, 0.5]; // what lies in the middle, relative to the picture

  /** `margin`: the share of the picture's size that is left free around it; `keys(event)`: true where it used the key. */
  constructor(root, { label, margin = 0, keys = () => false }) {
    super();
    this.margin = margin;
    this.keys = keys;
    this.drag = null; // (from, to, done) in pixels of the picture, in place of moving it
    this.#root = root;
    this.#label = label;
    this.#image = h("img", { alt: "", draggable: "false" });
    this.drawing = s("svg", { class: "drawing", "aria-hidden": "true" });
    this.#layer = h("div", { class: "layer" }, this.#image, this.drawing);
    this.#port = h("div", { class: "port", tabindex: 0, role: "application", "aria-label": label }, this.#layer);
    this.shown = h("output", { class: "zoom" }, "100%");
    const button = (text, name, act) =>
      h("button", { type: "button", class: "icon", "aria-label": name, title: name, onclick: act }, text);
    this.tools = h(
      "div",
      { class: "zoomer", role: "group", "aria-label": "Zoom" },
      button("−", "Zoom out", () => this.zoom(1 / 1.5)),
      this.shown,
      button("+", "Zoom in", () => this.zoom(1.5)),
      button("Fit", "Fit the picture", () => this.fit()),
    );
    root.append(this.#port, this.tools);
    this.#listen();
    new ResizeObserver(() => this.#place()).observe(this.#port);
  }

  /** Show a picture {url, width, height, name}. */
  show(picture) {
    if (this.#image.src !== picture.url) this.#image.src = picture.url;
    this.#image.alt = picture.name;
    this.#root.classList.toggle("unseen", !picture.seen);
    this.#size = [picture.width, picture.height];
    this.#root.style.setProperty("--shape", picture.width / picture.height);
    this.drawing.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
    this.#port.setAttribute("aria-label", `${this.#label}: ${picture.name}`);
    this.fit();
  }

  /** The picture's width and height. */
  get size() {
    return this.#size;
  }

  /** Pixels of the screen for one of the picture. */
  get scale() {
    return this.#fitting() * this.#zoom;
  }

  focus() {
    this.#port.focus();
  }

  fit() {
    this.#zoom = 1;
    this.#center = [0.5, 0.5];
    this.#place();
  }

  /** Enlarge by a factor; the point of the screen `at` stays where it is. */
  zoom(factor, at = null) {
    const zoom = Math.min(CLOSEST, Math.max(1, this.#zoom * factor));
    const before = at ? this.point(at) : null;
    this.#zoom = zoom;
    this.#place();
    if (before) {
      const after = this.point(at);
      this.#center = this.#center.map((c, i) => c + (before[i] - after[i]) / this.#size[i]);
      this.#place();
    }
  }

  /** Move by pixels of the screen. */
  move(right, down) {
    this.#center = [
      this.#center[0] - right / this.scale / this.#size[0],
      this.#center[1] - down / this.scale / this.#size[1],
    ];
    this.#place();
  }

  /** Where in the picture a pointer is. */
  point({ clientX, clientY }) {
    const corner = this.#layer.getBoundingClientRect();
    return [(clientX - corner.left) / this.scale, (clientY - corner.top) / this.scale];
  }

  #fitting() {
    const [width, height] = this.#size;
    const room = 1 + 2 * this.margin;
    return Math.max(1e-6, Math.min(this.#port.clientWidth / width, this.#port.clientHeight / height) / room);
  }

  #place() {
    if (!this.#port.clientWidth) return;
    const ports = [this.#port.clientWidth, this.#port.clientHeight];
    const scale = this.scale;
    const corner = ports.map((port, i) => {
      const length = this.#size[i] * scale;
      const free = Math.max(0, 1 - port / length) / 2;
      this.#center[i] = Math.min(0.5 + free, Math.max(0.5 - free, this.#center[i]));
      return port / 2 - this.#center[i] * length;
    });
    const style = this.#layer.style;
    [style.left, style.top] = corner.map((value) => `${value}px`);
    [style.width, style.height] = this.#size.map((value) => `${value * scale}px`);
    this.shown.textContent = `${round(100 * this.#zoom, 0)}%`;
    this.#port.classList.toggle("near", this.#zoom > 1 || Boolean(this.drag));
    this.dispatchEvent(new Event("view"));
  }

  #listen() {
    const port = this.#port;
    port.addEventListener("keydown", (event) => this.#key(event));
    port.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return; // a plain wheel scrolls the page
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY / 200), event);
      },
      { passive: false },
    );
    port.addEventListener("pointerdown", (event) => this.#down(event));
    port.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) port.addEventListener(end, (event) => this.#up(event));
    port.addEventListener("dblclick", (event) => !this.drag && this.zoom(this.#zoom > 1 ? 1 / this.#zoom : 2.5, event));
    port.addEventListener("click", (event) => this.#moved || this.#tell("pick", event));
    port.addEventListener("pointerleave", () => this.dispatchEvent(new Event("leave")));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.keys(event)) return void event.preventDefault();
    const step = 60;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0") this.fit();
    else if (moves[event.key] && this.#zoom > 1) this.move(...moves[event.key]);
    else return;
    event.preventDefault();
  }

  #down(event) {
    this.#moved = false;
    this.#pointers.set(event.pointerId, event);
    this.from = this.point(event);
    if (this.drag) this.#port.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return this.#tell("hover", event);
    if (Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY) < 3 && !this.#moved) return;
    this.#moved = true;
    const others = [...this.#pointers.values()].filter((one) => one.pointerId !== event.pointerId);
    if (others.length) {
      const gap = (one) => Math.hypot(one.clientX - others[0].clientX, one.clientY - others[0].clientY);
      this.zoom(gap(event) / Math.max(1, gap(before)), event);
    } else if (this.drag) this.drag(this.from, this.point(event), false);
    else {
      this.#port.setPointerCapture(event.pointerId);
      this.move(event.clientX - before.clientX, event.clientY - before.clientY);
    }
    this.#pointers.set(event.pointerId, event);
  }

  #up(event) {
    if (this.drag && this.#moved && this.#pointers.has(event.pointerId)) this.drag(this.from, this.point(event), true);
    this.#pointers.delete(event.pointerId);
  }

  #tell(kind, event) {
    this.dispatchEvent(new CustomEvent(kind, { detail: { point: this.point(event), target: event.target } }));
  }
}
