// The network, run by ONNX Runtime Web.

/** @import { Outputs } from "./candidates.js" */
/** @import { OnProgress } from "./files.js" */
/** @import { Description } from "./model.js" */

import { messageOf } from "../shared/text.js";
import { readFile } from "./files.js";

const RUNTIME = new URL("../runtime/", import.meta.url);
const MOST_THREADS = 4;
const NOTHING = new Uint8Array(0);
const MODULES = { wasm: "ort.wasm.min.mjs", webgpu: "ort.webgpu.min.mjs" };
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
 * @param {Promise<Description>} description
 * @param {OnProgress} onprogress
 */
export async function openNetwork(folder, description, onprogress) {
  const content = readFile(new URL("model.onnx", folder), onprogress);
  const wasm = importRuntime("wasm");
  for (const each of [content, wasm]) each.catch(() => undefined); // whoever waits for it gets the error
  const { webgpu, schema } = await description;
  const { size } = schema.network;
  if (webgpu && (await hasGraphics())) {
    try {
      const network = await create("webgpu", await importRuntime("webgpu"), content, size);
      await network.run(new Uint8Array(size[0] * size[1] * 3)); // what the processor cannot run fails here
      return network;
    } catch (error) {
      console.warn("WebGPU does not run this network, so WebAssembly does.", error);
    }
  }
  try {
    return await create("wasm", await wasm, content, size);
  } catch (error) {
    await content; // why it cannot be loaded says more
    const advice = "Upload the whole folder again, or use a current browser.";
    throw new Error(`The detector cannot start. ${advice} (${messageOf(error)})`, { cause: error });
  }
}

/**
 * @param {Provider} provider
 * @returns {Promise<any>}
 */
const importRuntime = (provider) => import(new URL(MODULES[provider], RUNTIME).href);

/**
 * @param {Provider} provider
 * @param {any} ort
 * @param {Promise<ArrayBuffer>} content The ONNX file.
 * @param {[number, number]} size
 */
async function create(provider, ort, content, size) {
  ort.env.wasm.wasmPaths = RUNTIME.href;
  ort.env.wasm.numThreads = crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
  /** @param {Uint8Array} bytes */
  const open = (bytes) => ort.InferenceSession.create(bytes, { executionProviders: [provider] });
  await open(NOTHING).catch(() => undefined); // loads WebAssembly meanwhile, which the first session does, and fails
  return new Network(ort, await open(new Uint8Array(await content)), { provider, size });
}

/** Whether there is a graphics processor. One that the processor only imitates is slower than WebAssembly. */
async function hasGraphics() {
  const { gpu } = /** @type {any} */ (navigator);
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
}
