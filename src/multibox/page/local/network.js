// The network, run by ONNX Runtime Web.

/** @import { Outputs } from "./candidates.js" */
/** @import { NetworkFiles } from "./model.js" */

/** @import { OnProgress } from "./files.js" */

import { readFile } from "./files.js";

const RUNTIME = new URL("../runtime/", import.meta.url);
const MOST_THREADS = 4;
const NAMES = { wasm: "WebAssembly", webgpu: "WebGPU" };

/** @typedef {"wasm" | "webgpu"} Provider */

/** A network that takes one input at a time. */
export class Network {
  #ort;
  #session;
  #shape;
  #last = Promise.resolve();

  /**
   * @param {any} ort
   * @param {any} session
   * @param {{ provider: Provider, size: [number, number] }} options
   */
  constructor(ort, session, { provider, size }) {
    this.#ort = ort;
    this.#session = session;
    this.#shape = [1, ...size, 3];
    this.runtime = NAMES[provider];
  }

  /**
   * Run the network when it has finished the inputs before.
   *
   * @param {Uint8Array} input RGB.
   * @param {() => void} [begin] Called when the network begins.
   * @returns {Promise<Outputs>}
   */
  run(input, begin) {
    const answer = this.#last.then(() => {
      begin?.();
      return this.#run(input);
    });
    this.#last = answer.then(
      () => undefined,
      () => undefined,
    );
    return answer;
  }

  /** @param {Uint8Array} input */
  async #run(input) {
    const image = new this.#ort.Tensor("uint8", input, this.#shape);
    const { classes, boxes } = await this.#session.run({ image });
    return { classes: classes.data, boxes: boxes.data };
  }
}

/**
 * Open a network on the graphics processor where the site has the runtime for it and it works, else on the processor.
 *
 * @param {URL} folder The model folder.
 * @param {NetworkFiles} files
 * @param {{ size: [number, number], onprogress: OnProgress }} options `size` is height and width of the input.
 */
export async function openNetwork(folder, { onnx, runtime }, { size, onprogress }) {
  const content = readFile(new URL(onnx, folder), onprogress);
  content.catch(() => undefined); // whoever waits for it gets the error
  if (runtime.webgpu && (await hasGraphics())) {
    try {
      const network = await create(["webgpu", runtime.webgpu], content, size);
      await network.run(new Uint8Array(size[0] * size[1] * 3)); // what the processor cannot run fails here
      return network;
    } catch (error) {
      console.warn("WebGPU does not run this network, so WebAssembly does.", error);
    }
  }
  return create(["wasm", `${runtime.wasm}`], content, size);
}

/**
 * @param {[provider: Provider, name: string]} runtime `name` is that of its file.
 * @param {Promise<ArrayBuffer>} content The ONNX file.
 * @param {[number, number]} size
 */
async function create([provider, name], content, size) {
  const ort = await import(new URL(name, RUNTIME).href);
  ort.env.wasm.wasmPaths = RUNTIME.href;
  ort.env.wasm.numThreads = crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
  const session = await ort.InferenceSession.create(new Uint8Array(await content), { executionProviders: [provider] });
  return new Network(ort, session, { provider, size });
}

/** Whether there is a graphics processor. One that the processor only imitates is slower than WebAssembly. */
async function hasGraphics() {
  const { gpu } = /** @type {any} */ (navigator);
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
}
