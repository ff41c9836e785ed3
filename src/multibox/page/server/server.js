// The Api of a server of Multibox, over HTTP.

/** @import { CellPlace, DatasetQuery, Source, Subject, Tracking, TrainingApi } from "../shared/api.d.ts" */

const TOKEN = "multibox-token"; // key in the session storage, which lasts until the tab is closed
const TRIES = 6; // attempts while the server is too busy
const LONGEST_PAUSE = 5; // seconds between two attempts

/** @typedef {Record<string, string | number | undefined>} Query Empty values are left out. */

/** @implements {TrainingApi} */
export class Server {
  /** @type {Tracking} */
  tracking = {
    track: (session, file, score) => this.#post(`v1/tracks/${session}`, { image: file, score }),
    end: async (session) => (await this.#request(`v1/tracks/${session}`, { method: "DELETE" })).json(),
  };
  #requestToken;
  /** @type {Promise<void> | null} */
  #waiting = null;

  /**
   * @param {(rejected: boolean) => Promise<string>} requestToken Asks the user for the token. `rejected` is true if the
   *   last one was wrong.
   */
  constructor(requestToken) {
    this.#requestToken = requestToken;
  }

  model() {
    return this.#get("v1/model");
  }

  /**
   * @param {File} file
   * @param {number} score
   */
  detect(file, score) {
    return this.#post("v1/detect", { images: file, score });
  }

  /**
   * @param {File} file
   * @param {number} score
   */
  explainDetections(file, score) {
    return this.#post("v1/explain/detections", { image: file, score });
  }

  /**
   * @param {number} map
   * @param {CellPlace} cell
   */
  cell(map, { row, column }) {
    return this.#get("v1/explain/cell", { map, row, column });
  }

  /**
   * @param {Subject} subject
   * @param {AbortSignal} signal
   */
  matching(subject, signal) {
    return this.#explain("v1/explain/matching", subject, {}, signal);
  }

  /**
   * @param {Subject} subject
   * @param {number} seed
   * @param {AbortSignal} signal
   */
  augmentation(subject, seed, signal) {
    return this.#explain("v1/explain/augmentation", subject, { seed }, signal);
  }

  datasets() {
    return this.#get("v1/datasets");
  }

  /**
   * @param {DatasetQuery} query
   * @param {AbortSignal} signal
   */
  datasetImages(query, signal) {
    return this.#get("v1/datasets/images", { ...query }, signal);
  }

  /**
   * @param {Source} source
   * @param {number} [width]
   */
  async datasetImage({ data, id }, width) {
    return (await this.#request(withQuery("v1/datasets/picture", { data, id, width }), {})).blob();
  }

  /**
   * @param {string} path
   * @param {Subject} subject
   * @param {Record<string, number>} options
   * @param {AbortSignal} signal
   */
  #explain(path, subject, options, signal) {
    if ("source" in subject) return this.#get(path, { ...subject.source, ...options }, signal);
    const objects = JSON.stringify(subject.objects.map(({ name, box }) => ({ name, box })));
    return this.#post(path, { image: subject.file, objects, ...options }, signal);
  }

  /**
   * @param {string} path
   * @param {Query} [query]
   * @param {AbortSignal} [signal]
   */
  async #get(path, query = {}, signal) {
    return (await this.#request(withQuery(path, query), { signal })).json();
  }

  /**
   * @param {string} path
   * @param {Record<string, File | string | number | undefined>} fields Undefined values are left out.
   * @param {AbortSignal} [signal]
   */
  async #post(path, fields, signal) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields))
      if (value !== undefined) body.append(name, value instanceof File ? value : `${value}`);
    return (await this.#request(path, { method: "POST", body, signal })).json();
  }

  /**
   * Send a request. Wait while the server is busy, and for a token if one is required.
   *
   * @param {string} path
   * @param {RequestInit} options
   */
  async #request(path, options) {
    for (let tries = 1; ; tries++) {
      const answer = await send(path, options);
      if (answer.ok) return answer;
      if (answer.status === 401) await this.#authenticate();
      else if (answer.status === 503 && tries < TRIES) await pause(Number(answer.headers.get("Retry-After")) || 1);
      else throw new Error(await reason(answer));
    }
  }

  /** Request a token, once for all requests that wait for it. */
  #authenticate() {
    this.#waiting ??= this.#requestToken(sessionStorage.getItem(TOKEN) !== null)
      .then((token) => sessionStorage.setItem(TOKEN, token))
      .finally(() => (this.#waiting = null));
    return this.#waiting;
  }
}

/**
 * @param {string} path
 * @param {Query} query
 */
function withQuery(path, query) {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, `${value}`]],
  );
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
async function send(path, options) {
  const token = sessionStorage.getItem(TOKEN);
  try {
    return await fetch(path, { ...options, headers: token ? { Authorization: `Bearer ${token}` } : {} });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Error("The server does not answer. Check that “multibox serve” is still running.", { cause: error });
  }
}

/** @param {number} seconds */
const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * Math.min(seconds, LONGEST_PAUSE)));

/**
 * The reason for a refusal, as a sentence.
 *
 * @param {Response} answer
 */
async function reason(answer) {
  try {
    const { error } = await answer.json();
    return error.message.charAt(0).toUpperCase() + error.message.slice(1);
  } catch {
    return `The server answered ${answer.status} ${answer.statusText} without a reason. See the server's log.`;
  }
}
