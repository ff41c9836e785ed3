// The Api of a detector that runs in a worker of the browser.

/** @import { Api, CellPlace } from "../shared/api.d.ts" */

/** @import { OnProgress } from "./files.js" */

/** @typedef {{ resolve: (answer: any) => void, reject: (error: Error) => void }} Call */

/** @implements {Api} */
export class LocalDetector {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  /** @type {Map<number, Call>} */
  #calls = new Map();
  #last = 0;

  /** @param {OnProgress} [onprogress] Called while the network is loaded. */
  constructor(onprogress) {
    this.#worker.addEventListener("message", ({ data: { id, answer, problem, loaded } }) => {
      if (loaded !== undefined) onprogress?.(loaded);
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (problem === undefined) call?.resolve(answer);
      else call?.reject(new Error(problem));
    });
    this.#worker.addEventListener("error", () => this.#fail());
  }

  model() {
    return this.#call("model");
  }

  /**
   * @param {File} file
   * @param {number} score
   */
  detect(file, score) {
    return this.#call("detect", file, score);
  }

  /**
   * @param {File} file
   * @param {number} score
   */
  explainDetections(file, score) {
    return this.#call("explainDetections", file, score);
  }

  /**
   * @param {number} map
   * @param {CellPlace} cell
   */
  cell(map, cell) {
    return this.#call("cell", map, cell);
  }

  /**
   * @param {string} method
   * @param {unknown[]} values
   * @returns {Promise<any>}
   */
  #call(method, ...values) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, values });
    });
  }

  /** The worker has ended, or could not begin. */
  #fail() {
    const error = new Error("The detector has stopped. Reload the page. If it stops again, use a current browser.");
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }
}
