// The worker that detects, so that the page stays responsive.

/** @import { CellPlace, DetectAnswer, ExplainedImage } from "../shared/api.d.ts" */

import { cellOf } from "./cells.js";
import { detectionsOf } from "./detections.js";
import { explain } from "./explanation.js";
import { describe, readDescription, readModel } from "./model.js";
import { openNetwork } from "./network.js";
import { decodeImage } from "./pixels.js";
import { prepare } from "./prepare.js";

const FOLDER = new URL("../model/", import.meta.url);
const opened = open();

/** @type {Record<string, (...values: any[]) => unknown>} What the page may call, by name. */
const METHODS = { model, detect, explainDetections, cell };

addEventListener("message", async ({ data: { id, method, values } }) => {
  try {
    postMessage({ id, answer: await METHODS[method](...values) });
  } catch (error) {
    postMessage({ id, problem: error instanceof Error ? error.message : `${error}` });
  }
});

async function open() {
  const description = await readDescription(FOLDER);
  const { size } = description.schema.network;
  const [about, network] = await Promise.all([
    readModel(FOLDER, description),
    openNetwork(FOLDER, description, { size, onprogress }),
  ]);
  return { about, network };
}

/** @param {number} loaded */
function onprogress(loaded) {
  postMessage({ loaded });
}

async function model() {
  const { about, network } = await opened;
  return describe(about, network.runtime);
}

/**
 * @param {File} file
 * @param {number} score
 * @returns {Promise<DetectAnswer>}
 */
async function detect(file, score) {
  const { about } = await opened;
  const { outputs, seen, timings } = await look(file);
  const detections = detectionsOf(outputs, about, { seen, score });
  const { begun, decoded, queued } = timings;
  const [decode, queue, network] = [decoded - begun, queued - decoded, performance.now() - queued];
  const { width, height } = seen;
  return { results: [{ width, height, detections }], timings_ms: { decode, queue, network } };
}

/**
 * @param {File} file
 * @param {number} score
 * @returns {Promise<ExplainedImage>}
 */
async function explainDetections(file, score) {
  const { about } = await opened;
  const { outputs, seen } = await look(file);
  return explain(outputs, about, { seen, score });
}

/**
 * @param {number} map
 * @param {CellPlace} place
 */
async function cell(map, place) {
  return cellOf((await opened).about, map, place);
}

/**
 * Run the network on an image file.
 *
 * @param {File} file
 */
async function look(file) {
  const { about, network } = await opened;
  const timings = { begun: performance.now(), decoded: 0, queued: 0 };
  const image = await decodeImage(file);
  const { input, window } = prepare(image, about);
  timings.decoded = performance.now();
  const outputs = await network.run(input, () => (timings.queued = performance.now()));
  const { width, height } = image;
  return { outputs, seen: { width, height, window }, timings };
}
