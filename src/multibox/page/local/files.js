// The files of the site.

/**
 * Read a file of the site.
 *
 * @param {string | URL} url
 * @returns {Promise<ArrayBuffer>}
 */
export async function readFile(url) {
  let answer;
  try {
    answer = await fetch(url);
  } catch (error) {
    throw new Error(`${nameOf(url)} cannot be loaded. Check the connection, then reload the page.`, { cause: error });
  }
  if (!answer.ok) throw new Error(`${nameOf(url)} is missing from this site. Upload the whole folder again.`);
  return answer.arrayBuffer();
}

/**
 * Read a JSON file of the site.
 *
 * @param {string | URL} url
 */
export const readJson = async (url) => JSON.parse(new TextDecoder().decode(await readFile(url)));

/** @param {string | URL} url */
const nameOf = (url) => `${url}`.replace(/^.*\//, "");
