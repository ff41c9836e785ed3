// Repeated calls and requests of which only the last one counts.

/**
 * Return a function that forwards only the last of many calls in a row.
 *
 * @template {unknown[]} A
 * @param {(...values: A) => void} call
 * @param {number} milliseconds Time without a further call after which the last one is forwarded.
 * @returns {(...values: A) => void}
 */
export function debounce(call, milliseconds) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), milliseconds);
  };
}

/** A series of requests, each of which replaces the one before. */
export class LatestRequest {
  #controller = new AbortController();

  /** Abort the last request and return the signal for the next one. */
  begin() {
    this.#controller.abort();
    this.#controller = new AbortController();
    return this.#controller.signal;
  }
}
