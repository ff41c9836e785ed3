// What the worker answers.

/** @import { CellPlace, DetectAnswer, ExplainedImage } from "../shared/api.d.ts" */
/** @import { LocalModel } from "./model.js" */
/** @import { Network } from "./network.js" */

import { cellOf } from "./cells.js";
import { detectionsOf } from "./detections.js";
import { explain } from "./explanation.js";
import { isCmyk } from "./jpeg.js";
import { decodeImage } from "./pixels.js";
import { prepare } from "./prepare.js";

const HEADER = 2 ** 20; // bytes of a file that hold its header
const CMYK_NOTE =
  "This JPEG is in CMYK. Browsers convert its colours differently from Python, so the detections may differ.";

/**
 * The answers of a model, by the names of the methods of {@link LocalDetector}.
 *
 * @param {LocalModel} about
 * @param {Promise<Network>} network Images are decoded while it is opened.
 */
export function answersOf(about, network) {
  return {
    opened: async () => (await network).runtime,

    /** @type {(file: File, score: number) => Promise<DetectAnswer>} */
    async detect(file, score) {
      const { outputs, seen, timings } = await look(file, about, network);
      const detections = detectionsOf(outputs, about, { seen, score });
      const { begun, decoded, queued } = timings;
      const [decode, queue, run] = [decoded - begun, queued - decoded, performance.now() - queued];
      const { width, height } = seen;
      const results = [{ width, height, detections, note: await noteOn(file) }];
      return { results, timings_ms: { decode, queue, network: run } };
    },

    /** @type {(file: File, score: number) => Promise<ExplainedImage>} */
    async explainDetections(file, score) {
      const { outputs, seen } = await look(file, about, network);
      return explain(outputs, about, { seen, score });
    },

    /** @type {(map: number, place: CellPlace) => unknown} */
    cell: (map, place) => cellOf(about, map, place),
  };
}

/**
 * Run the network on an image file.
 *
 * @param {File} file
 * @param {LocalModel} about
 * @param {Promise<Network>} network
 */
async function look(file, about, network) {
  const timings = { begun: performance.now(), decoded: 0, queued: 0 };
  const { input, seen } = await see(file, about);
  timings.decoded = performance.now();
  const outputs = await (await network).run(input, () => (timings.queued = performance.now()));
  return { outputs, seen, timings };
}

/**
 * Decode an image file and render the network's input. The decoded image, which may be large, is not kept.
 *
 * @param {File} file
 * @param {LocalModel} about
 */
async function see(file, about) {
  const image = await decodeImage(file);
  const { input, window } = prepare(image, about);
  return { input, seen: { width: image.width, height: image.height, window } };
}

/**
 * What the user should know of an image file.
 *
 * @param {File} file
 */
const noteOn = async (file) => (isCmyk(new Uint8Array(await file.slice(0, HEADER).arrayBuffer())) ? CMYK_NOTE : "");
