// The Api of a detector that runs in a worker of the browser. It imports nothing, so that the worker starts at once.

/** @import { Api, CellPlace, Model } from "../shared/api.d.ts" */
/** @import { OnProgress } from "./files.js" */

/** @implements {Api} */
export class LocalDetector {
  /** @type {OnProgress} Called while the network is loaded. */
  onprogress = () => undefined;
  tracking = null; // the tracker is the server's
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  /** @type {Map<number, PromiseWithResolvers<any>>} */
  #calls = new Map();
  #last = 0;
  /** @type {Error | null} Why the worker answers no more. */
  #problem = null;
  /** @type {Promise<Model>} The worker answers this call unasked. */
  #model = this.#expect(0);

  constructor() {
    this.#worker.addEventListener("message", ({ data }) => this.#receive(data));
    this.#worker.addEventListener("error", () => this.#fail());
  }

  model() {
    return this.#model;
  }

  /**
   * Wait until the network is open.
   *
   * @returns {Promise<string>} What runs it, such as "WebAssembly".
   */
  opened() {
    return this.#call("opened");
  }

  /** Wait until no call waits for its answer. */
  async idle() {
    while (this.#calls.size) await Promise.allSettled([...this.#calls.values()].map(({ promise }) => promise));
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
   */
  #call(method, ...values) {
    const id = ++this.#last;
    this.#worker.postMessage({ id, method, values });
    return this.#expect(id);
  }

  /**
   * @param {number} id
   * @returns {Promise<any>}
   */
  #expect(id) {
    const call = Promise.withResolvers();
    if (this.#problem) call.reject(this.#problem);
    else this.#calls.set(id, call);
    return call.promise;
  }

  /** @param {{ id: number, answer?: unknown, problem?: string } | { loaded: number }} message */
  #receive(message) {
    if ("loaded" in message) return this.onprogress(message.loaded);
    const { id, answer, problem } = message;
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (problem === undefined) call?.resolve(answer);
    else call?.reject(new Error(problem));
  }

  /** The worker has ended, or could not begin. */
  #fail() {
    this.#problem = new Error("The detector has stopped. Reload the page. If it stops again, use a current browser.");
    for (const { reject } of this.#calls.values()) reject(this.#problem);
    this.#calls.clear();
  }
}

export const detector = new LocalDetector();
