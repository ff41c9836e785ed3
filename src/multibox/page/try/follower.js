// Follows objects through the frames of the camera, by a session of the server.

/** @import { Api, Tracking } from "../shared/api.d.ts" */
/** @import { Thresholds } from "../shared/thresholds.js" */

import { Tails } from "./tails.js";

/** @implements {Pick<Api, "detect">} */
export class Follower {
  tails = new Tails();
  #tracking;
  #thresholds;
  #session = "";
  /** @type {number | undefined} The score that begins a track. Undefined takes the model's thresholds. */
  #score;
  /** @type {Promise<unknown>} The answer to the latest frame. */
  #answer = Promise.resolve();

  /**
   * @param {Tracking} tracking
   * @param {Thresholds} thresholds
   */
  constructor(tracking, thresholds) {
    this.#tracking = tracking;
    this.#thresholds = thresholds;
  }

  /**
   * Detect the objects in the next frame. Another threshold begins another session, so ids begin at 1 again.
   *
   * @param {File} file
   */
  async detect(file) {
    const score = this.#thresholds.perClass ? undefined : this.#thresholds.score;
    if (score !== this.#score) this.end();
    this.#score = score;
    this.#session ||= crypto.randomUUID();
    const coming = this.#tracking.track(this.#session, file, score);
    this.#answer = coming;
    const answer = await coming;
    this.tails.add(answer.results[0].detections, performance.now());
    return answer;
  }

  async end() {
    const session = this.#session;
    this.#session = "";
    this.tails.clear();
    if (!session) return;
    try {
      await this.#answer.catch(() => undefined); // a frame behind its end would begin the session again
      await this.#tracking.end(session);
    } catch {
      // It ends by itself when it is idle.
    }
  }
}
