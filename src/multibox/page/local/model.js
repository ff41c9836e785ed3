// What a site's model folder says of its detector.

/** @import { Box, Model } from "../shared/api.d.ts" */

import { readFile, readJson } from "./files.js";

/**
 * Settings of detection, by the names of the model file.
 *
 * @typedef {{
 *   nms: "hard" | "soft-linear" | "soft-gaussian",
 *   nms_iou: number,
 *   nms_sigma: number,
 *   agnostic: boolean,
 *   per_class: number,
 *   per_image: number,
 *   show: number,
 * }} DetectSettings
 */

/**
 * A feature map, and the index of its first prior.
 *
 * @typedef {{ index: number, height: number, width: number, per_cell: number, first: number }} PriorMap
 */

/**
 * @typedef {{
 *   name: string,
 *   classes: string[],
 *   size: [number, number],
 *   resize: string,
 *   activation: "softmax" | "sigmoid",
 *   variances: Box,
 *   detect: DetectSettings,
 *   thresholds: Record<string, number>,
 *   maps: PriorMap[],
 *   priors: Float32Array,
 * }} LocalModel `size` is height and width of the input. `priors` holds 4 corners for each, relative to the input.
 */

/** @typedef {{ onnx: string, runtime: Record<"wasm" | "webgpu", string | undefined> }} NetworkFiles */

/** @typedef {NetworkFiles & { name: string, schema: any, maps: PriorMap[], priors: string }} Description */

/**
 * Read the description of a model.
 *
 * @param {URL} folder
 * @returns {Promise<Description>}
 */
export const readDescription = (folder) => readJson(new URL("model.json", folder));

/**
 * Read the rest of the model folder, but not its network.
 *
 * @param {URL} folder
 * @param {Description} description
 */
export async function readModel(folder, description) {
  return modelOf(description, new Float32Array(await readFile(new URL(description.priors, folder))));
}

/**
 * @param {Description} description
 * @param {Float32Array} priors
 * @returns {LocalModel}
 */
export function modelOf({ name, schema, maps }, priors) {
  const { network, classes, resize, activation, detect, thresholds } = schema;
  const { variances } = schema.priors;
  return { name, classes, size: network.size, resize, activation, variances, detect, thresholds, maps, priors };
}

/**
 * Describe the model to the views.
 *
 * @param {LocalModel} model
 * @param {string} runtime
 * @returns {Model}
 */
export function describe({ priors, variances: _variances, detect, ...model }, runtime) {
  const shown = model.classes.map((name) => [name, model.thresholds[name] ?? detect.show]);
  return {
    ...model,
    runtime,
    show: detect.show,
    thresholds: Object.fromEntries(shown),
    nms_iou: detect.nms_iou,
    priors: priors.length / 4,
  };
}
