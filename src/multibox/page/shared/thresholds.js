// Which detections are shown.

/** @import { Detection, Model } from "./api.d.ts" */

/** The score that a detection must reach, for all classes or for each, and the hidden classes. Emits "change". */
export class Thresholds extends EventTarget {
  /** @type {Set<string>} */
  #hidden = new Set();
  #byClass;

  /** @param {Model} model */
  constructor({ show, thresholds }) {
    super();
    this.#byClass = thresholds;
    this.score = show;
    /** Whether the model has a score of its own for any class. */
    this.available = Object.values(thresholds).some((score) => score !== show);
    /** Whether each class uses the model's own score. */
    this.perClass = this.available;
  }

  /** @param {number} score In [0, 1], for all classes. */
  setScore(score) {
    if (!(score >= 0 && score <= 1)) return;
    this.score = score;
    this.perClass = false;
    this.#change();
  }

  /** @param {boolean} on */
  usePerClass(on) {
    this.perClass = on;
    this.#change();
  }

  /** @param {Iterable<string>} names Names of the classes to hide. All others are shown. */
  hide(names) {
    this.#hidden = new Set(names);
    this.#change();
  }

  /**
   * @param {string} name
   * @param {boolean} visible
   */
  setVisible(name, visible) {
    if (visible) this.#hidden.delete(name);
    else this.#hidden.add(name);
    this.#change();
  }

  /** @param {string} name */
  isVisible(name) {
    return !this.#hidden.has(name);
  }

  /**
   * Whether the score is high enough, even if the class is hidden. That of a tracked object was when its track began.
   *
   * @param {Pick<Detection, "name" | "score" | "id">} detection
   */
  passes({ name, score, id }) {
    return id !== undefined || score >= (this.perClass ? (this.#byClass[name] ?? this.score) : this.score);
  }

  /** @param {Pick<Detection, "name" | "score" | "id">} detection */
  shows(detection) {
    return this.passes(detection) && this.isVisible(detection.name);
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}
