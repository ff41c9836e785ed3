// The tails of tracked objects: where they were in the last second.

/** @import { Detection, Point } from "../shared/api.d.ts" */

import { pathShape } from "../shared/boxes.js";
import { colorOf } from "../shared/palette.js";

const LENGTH = 1000; // milliseconds

export class Tails {
  /** @type {Map<number, { time: number, center: Point }[]>} The latest centres of each object, by id. */
  #latest = new Map();

  /**
   * Add the objects of a frame.
   *
   * @param {Detection[]} detections
   * @param {number} time Milliseconds.
   */
  add(detections, time) {
    for (const { id, box } of detections) {
      if (id === undefined) continue;
      const center = /** @type {Point} */ ([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]);
      this.#latest.set(id, [...(this.#latest.get(id) ?? []), { time, center }]);
    }
    for (const [id, places] of this.#latest) {
      const kept = places.filter((one) => one.time > time - LENGTH);
      if (kept.length) this.#latest.set(id, kept);
      else this.#latest.delete(id);
    }
  }

  /** @param {Detection[]} shown Only these have tails. */
  shapes(shown) {
    return shown.map(({ id = 0 }) => {
      const points = (this.#latest.get(id) ?? []).map(({ center }) => center.join(" "));
      return pathShape(points.length ? `M${points.join("L")}` : "", { kind: "tail", color: colorOf(id) });
    });
  }

  clear() {
    this.#latest.clear();
  }
}
