// The worker that detects, so that the page stays responsive.

import { messageOf } from "../shared/text.js";
import { answersOf } from "./answers.js";
import { describe, readDescription, readModel } from "./model.js";
import { openNetwork } from "./network.js";

const FOLDER = new URL("../model/", import.meta.url);
const description = readDescription(FOLDER);
const network = openNetwork(FOLDER, description, (loaded) => postMessage({ loaded }));
/** @type {Promise<Record<string, (...values: any[]) => unknown>>} What the page may call, by name. */
const answers = readModel(FOLDER, description).then((model) => answersOf(model, network));
for (const each of [network, answers]) each.catch(() => undefined); // whoever calls gets the error

answer(0, () => description.then(describe));
addEventListener("message", ({ data: { id, method, values } }) =>
  answer(id, async () => (await answers)[method](...values)),
);

/**
 * @param {number} id Number of the call.
 * @param {() => Promise<unknown>} call
 */
async function answer(id, call) {
  try {
    postMessage({ id, answer: await call() });
  } catch (error) {
    postMessage({ id, problem: messageOf(error) });
  }
}
