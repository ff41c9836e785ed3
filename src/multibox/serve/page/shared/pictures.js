// The pictures that are open, shared by the views, and which of them is looked at.

import { getBlob, post } from "./api.js";

const LOWEST = 0.05; // detections are asked for from this score on; the slider chooses among them
const AT_ONCE = 4;

/** The open pictures; tells of every "change". */
export class Pictures extends EventTarget {
  #waiting = [];
  #busy = 0;
  #number = 0;
  list = [];
  current = null;

  /** Open pictures [{blob, name, source?, objects?}] and look at the first of them. */
  async open(files) {
    const opened = await Promise.all(files.map((file) => this.#load(file)));
    this.list.push(...opened);
    this.current = opened[0] ?? this.current;
    this.#waiting.push(...opened);
    this.#tell();
    while (this.#busy < AT_ONCE && this.#waiting.length) this.#work();
    return opened;
  }

  /** Open a picture of a dataset, with its labelled objects; one that is open already is not opened twice. */
  async openFromDataset(data, { id, objects }) {
    const there = this.list.find(({ source }) => source?.data === data && source?.id === id);
    if (there) return this.choose(there);
    const blob = await getBlob("v1/datasets/picture", { data, id });
    await this.open([
      { blob, name: `${id}`, source: { data, id }, objects: objects.map(({ name, box }) => ({ name, box })) },
    ]);
  }

  choose(picture) {
    this.current = picture;
    this.#tell();
  }

  close(picture) {
    const at = this.list.indexOf(picture);
    this.list.splice(at, 1);
    this.#waiting = this.#waiting.filter((one) => one !== picture);
    URL.revokeObjectURL(picture.url);
    if (this.current === picture) this.current = this.list[Math.min(at, this.list.length - 1)] ?? null;
    this.#tell();
  }

  async #load({ blob, name, source = null, objects = [] }) {
    const url = URL.createObjectURL(blob);
    const image = new Image();
    image.src = url;
    // a kind of file that only the server can read has no size here, and gets it with the answer
    const seen = await image.decode().then(
      () => true,
      () => false,
    );
    return {
      key: ++this.#number,
      blob,
      name,
      url,
      source,
      objects,
      seen,
      status: "waiting",
      detections: [],
      timings: null,
      width: seen ? image.naturalWidth : 4,
      height: seen ? image.naturalHeight : 3,
    };
  }

  async #work() {
    this.#busy++;
    for (let picture; (picture = this.#waiting.shift()); this.#tell()) await detect(picture);
    this.#busy--;
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

async function detect(picture) {
  const start = performance.now();
  try {
    const answer = await post("v1/detect", { images: named(picture), score: LOWEST });
    const { width, height, detections } = answer.results[0];
    detections.sort((a, b) => b.score - a.score);
    const timings = { ...answer.timings_ms, page: performance.now() - start };
    Object.assign(picture, { width, height, detections, timings, status: "done" });
  } catch (error) {
    Object.assign(picture, { status: "failed", error: error.message });
  }
}

/** The bytes of a picture, under its name. */
export const named = ({ blob, name }) => new File([blob], name, { type: blob.type });
