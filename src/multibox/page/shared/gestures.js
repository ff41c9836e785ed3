// Pointers, the wheel and the keyboard over an image.

/** @import { Point } from "./api.d.ts" */
/** @import { Stage } from "./stage.js" */

const STEP = 60; // pixels of the screen that an arrow key moves
const STILL = 3; // pixels that a pointer may move and still click
const ZOOM = 1.5;
const DOUBLE_CLICK_ZOOM = 2.5;
/** @type {Record<string, Point>} */
const MOVES = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };

/** Zooms and moves the image of a stage, draws on it, and emits "hover" and "pick" there. */
export class Gestures {
  /** @type {Map<number, PointerEvent>} */
  #pointers = new Map();
  /** @type {Point} Where a pointer went down. */
  #from = [0, 0];
  #moved = false;
  #port;
  #stage;

  /**
   * @param {HTMLElement} port
   * @param {Stage} stage
   */
  constructor(port, stage) {
    this.#port = port;
    this.#stage = stage;
    port.addEventListener("keydown", (event) => this.#key(event));
    port.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    port.addEventListener("pointerdown", (event) => this.#down(event));
    port.addEventListener("pointermove", (event) => this.#move(event));
    port.addEventListener("pointerup", (event) => this.#up(event));
    port.addEventListener("pointercancel", (event) => this.#up(event));
    port.addEventListener("dblclick", (event) => this.#doubleClick(event));
    port.addEventListener("click", (event) => this.#click(event));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.#stage.keys(event) || this.#zoomKey(event.key)) event.preventDefault();
  }

  /**
   * @param {string} key
   * @returns {boolean} Whether it does something.
   */
  #zoomKey(key) {
    if (key === "+" || key === "=") this.#stage.zoomBy(ZOOM);
    else if (key === "-") this.#stage.zoomBy(1 / ZOOM);
    else if (key === "0") this.#stage.fit();
    else if (MOVES[key] && this.#stage.zoom > 1) this.#stage.moveBy(MOVES[key]);
    else return false;
    return true;
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // a plain wheel scrolls the page
    event.preventDefault();
    this.#stage.zoomBy(Math.exp(-event.deltaY / 200), event);
  }

  /** @param {PointerEvent} event */
  #down(event) {
    this.#moved = false;
    this.#pointers.set(event.pointerId, event);
    this.#from = this.#stage.pointAt(event);
    if (this.#stage.drag) this.#port.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return this.#stage.emit("hover", event);
    if (distance(event, before) < STILL && !this.#moved) return;
    this.#moved = true;
    const other = [...this.#pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    if (other) this.#stage.zoomBy(distance(event, other) / Math.max(1, distance(before, other)), event);
    else if (this.#stage.drag) this.#stage.drag(this.#from, this.#stage.pointAt(event), false);
    else this.#pan(before, event);
    this.#pointers.set(event.pointerId, event);
  }

  /**
   * @param {PointerEvent} before
   * @param {PointerEvent} event
   */
  #pan(before, event) {
    this.#port.setPointerCapture(event.pointerId);
    this.#stage.moveBy([event.clientX - before.clientX, event.clientY - before.clientY]);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (this.#moved && this.#pointers.has(event.pointerId))
      this.#stage.drag?.(this.#from, this.#stage.pointAt(event), true);
    this.#pointers.delete(event.pointerId);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    if (!this.#moved) this.#stage.emit("pick", event);
  }

  /** @param {MouseEvent} event */
  #doubleClick(event) {
    const { drag, zoom } = this.#stage;
    if (!drag) this.#stage.zoomBy(zoom > 1 ? 1 / zoom : DOUBLE_CLICK_ZOOM, event);
  }
}

/**
 * @param {MouseEvent} a
 * @param {MouseEvent} b
 */
const distance = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
