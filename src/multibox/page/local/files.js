// The files of the site.

const STEPS = 50; // reports of progress

/** @typedef {(share: number) => void} OnProgress Called with the loaded share of a file, from 0 to 1. */

/**
 * Read a file of the site.
 *
 * @param {string | URL} url
 * @param {OnProgress} [onprogress] Not called if the size is unknown.
 * @returns {Promise<ArrayBuffer>}
 */
export async function readFile(url, onprogress) {
  try {
    const answer = await fetch(url);
    if (answer.ok) return await (onprogress ? watched(answer, onprogress) : answer).arrayBuffer();
  } catch (error) {
    throw new Error(`${nameOf(url)} cannot be loaded. Check the connection, then reload the page.`, { cause: error });
  }
  throw new Error(`${nameOf(url)} is missing from this site. Upload the whole folder again.`);
}

/**
 * The same answer, whose progress is reported while it is read.
 *
 * @param {Response} answer
 * @param {OnProgress} onprogress
 */
function watched(answer, onprogress) {
  const size = Number(answer.headers.get("Content-Length"));
  if (!answer.body || !size || answer.headers.has("Content-Encoding")) return answer; // the size is that of the packed file
  let [loaded, reported] = [0, 0];
  /** @type {TransformStream<Uint8Array, Uint8Array>} */
  const counter = new TransformStream({
    transform(part, stream) {
      stream.enqueue(part);
      loaded += part.length;
      if (loaded - reported < size / STEPS && loaded < size) return;
      reported = loaded;
      onprogress(loaded / size);
    },
  });
  return new Response(answer.body.pipeThrough(counter));
}

/**
 * Read a JSON file of the site.
 *
 * @param {string | URL} url
 */
export const readJson = async (url) => JSON.parse(new TextDecoder().decode(await readFile(url)));

/** @param {string | URL} url */
const nameOf = (url) => `${url}`.replace(/^.*\//, "");
