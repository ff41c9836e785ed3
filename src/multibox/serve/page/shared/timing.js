// Calls that depend on when they are made.

/**
 * Make a function that, of many calls in a row, makes only the last.
 *
 * @template {unknown[]} A
 * @param {(...values: A) => void} call
 * @param {number} milliseconds How long no further call may come.
 * @returns {(...values: A) => void}
 */
export function debounce(call, milliseconds) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), milliseconds);
  };
}

/** Requests of which only the latest matters. */
export class LatestRequest {
  #controller = new AbortController();

  /** Abort the request before, and return the signal of the next one. */
  begin() {
    this.#controller.abort();
    this.#controller = new AbortController();
    return this.#controller.signal;
  }
}
