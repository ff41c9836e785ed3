// The images that are open in the page.

/** @import { Api, Box, Counts, Detection, LabelledObject, Source, Subject } from "./api.d.ts" */

import { messageOf } from "./text.js";

/** Lowest score of the detections that are requested. The threshold selects among them. */
export const LOWEST_SCORE = 0.05;

const AT_ONCE = 4; // concurrent requests
const UNKNOWN_SIZE = { naturalWidth: 4, naturalHeight: 3 }; // until the image is decoded

let keys = 0;

/** An image, its labelled objects and its detections. */
export class OpenImage {
  key = ++keys;
  /** @type {"waiting" | "done" | "failed"} */
  status = "waiting";
  /** @type {Detection[]} The highest score first. */
  detections = [];
  /** @type {Record<string, number> | null} Milliseconds of each stage of the detection. */
  timings = null;
  /** @type {Counts | null} What was counted up to this frame, if its objects are tracked. */
  counts = null;
  /** Why the detection failed. */
  error = "";
  /** What the user should know of the image. */
  note = "";
  /** @type {Box | null} The part that the network's input shows, known after its detections are explained. */
  window = null;

  /**
   * @param {File} file
   * @param {string} url
   * @param {{ naturalWidth: number, naturalHeight: number } | null} decoded Null if the browser cannot show the file. A server may still decode it.
   * @param {{ source?: Source | null, objects?: LabelledObject[] }} labels
   */
  constructor(file, url, decoded, { source = null, objects = [] }) {
    this.file = file;
    this.url = url;
    this.decodable = decoded !== null;
    const { naturalWidth, naturalHeight } = decoded ?? UNKNOWN_SIZE;
    this.width = naturalWidth;
    this.height = naturalHeight;
    /** The image of a dataset whose labels these objects are. */
    this.source = source;
    this.objects = objects;
    this.edited = false;
  }

  get name() {
    return this.file.name;
  }

  /**
   * What to explain: the image with its dataset's labels, or with objects of its own.
   *
   * @returns {Subject}
   */
  get subject() {
    if (this.source && !this.edited) return { source: this.source };
    return { file: this.file, objects: this.objects };
  }

  /** @param {LabelledObject[]} objects */
  relabel(objects) {
    this.objects = objects;
    this.edited = true;
  }

  /** @param {Pick<Api, "detect">} api */
  async detect(api) {
    const start = performance.now();
    try {
      const { results, timings_ms: timings } = await api.detect(this.file, LOWEST_SCORE);
      const { width, height, detections, note = "", counts = null } = results[0];
      this.width = width;
      this.height = height;
      this.detections = detections.sort((a, b) => b.score - a.score);
      this.counts = counts;
      this.note = note;
      this.timings = { ...timings, page: performance.now() - start };
      this.status = "done";
    } catch (error) {
      this.error = messageOf(error);
      this.status = "failed";
    }
  }
}

/** The open images, one of which is the current one. Emits "change". */
export class OpenImages extends EventTarget {
  /** @type {OpenImage[]} */
  list = [];
  /** @type {OpenImage | null} */
  current = null;
  /** @type {OpenImage[]} */
  #waiting = [];
  #busy = 0;
  #api;

  /** @param {Api} api */
  constructor(api) {
    super();
    this.#api = api;
  }

  /**
   * Open image files and show the first of them.
   *
   * @param {File[]} files
   */
  async open(files) {
    this.#add(await Promise.all(files.map((file) => load(file))));
  }

  /**
   * Open an image of a dataset with its labelled objects, or show it if it is open already.
   *
   * @param {Source} source
   * @param {LabelledObject[]} objects
   * @param {() => Promise<Blob>} fetchImage
   */
  async openLabelled(source, objects, fetchImage) {
    const open = this.list.find((one) => one.source?.data === source.data && one.source?.id === source.id);
    if (open) return this.choose(open);
    const blob = await fetchImage();
    const file = new File([blob], source.id, { type: blob.type });
    this.#add([await load(file, { source, objects: objects.map(({ name, box }) => ({ name, box })) })]);
  }

  /** @param {OpenImage} image */
  choose(image) {
    this.current = image;
    this.#change();
  }

  /** @param {OpenImage} image */
  close(image) {
    const position = this.list.indexOf(image);
    this.list.splice(position, 1);
    this.#waiting = this.#waiting.filter((one) => one !== image);
    URL.revokeObjectURL(image.url);
    if (this.current === image) this.current = this.list[Math.min(position, this.list.length - 1)] ?? null;
    this.#change();
  }

  /** @param {OpenImage[]} images */
  #add(images) {
    this.list.push(...images);
    this.current = images[0] ?? this.current;
    this.#waiting.push(...images);
    this.#change();
    while (this.#busy < AT_ONCE && this.#waiting.length) this.#work();
  }

  /** Detect in the images that wait, one after the other. */
  async #work() {
    this.#busy++;
    for (let image; (image = this.#waiting.shift()); this.#change()) await image.detect(this.#api);
    this.#busy--;
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * @param {File} file
 * @param {{ source?: Source, objects?: LabelledObject[] }} [labels]
 */
async function load(file, labels = {}) {
  const url = URL.createObjectURL(file);
  const image = new Image();
  image.src = url;
  const decoded = await image.decode().then(
    () => image,
    () => null,
  );
  return new OpenImage(file, url, decoded, labels);
}
