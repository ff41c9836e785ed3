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

/**
 * What model.json says. `webgpu` is whether the site has the runtime for the graphics processor.
 *
 * @typedef {{ name: string, schema: any, maps: PriorMap[], webgpu: boolean }} Description
 */

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
 * @param {Promise<Description>} description
 */
export async function readModel(folder, description) {
  const priors = await readFile(new URL("priors.bin", folder));
  return modelOf(await description, new Float32Array(priors));
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
 * @param {Description} description
 * @returns {Model}
 */
export function describe(description) {
  const { name, classes, size, resize, activation, detect, thresholds, maps } = modelOf(
    description,
    new Float32Array(),
  );
  const shown = classes.map((each) => [each, Object.hasOwn(thresholds, each) ? thresholds[each] : detect.show]);
  return {
    name,
    classes,
    size,
    resize,
    activation,
    show: detect.show,
    thresholds: Object.fromEntries(shown),
    nms_iou: detect.nms_iou,
    priors: maps.reduce((sum, { height, width, per_cell }) => sum + height * width * per_cell, 0),
    maps,
  };
}
