// How long the detection took.

/** @import { OpenImage } from "../shared/images.js" */

import { byId, fill, h } from "../shared/dom.js";
import { round } from "../shared/text.js";

const STAGES = {
  decode: "Decoding the image",
  queue: "Waiting in the queue",
  network: "Network and its boxes",
  total: "Total on the server",
  page: "Total in the browser",
};

/** @param {OpenImage} image */
export function renderTimings({ timings, width, height }) {
  const facts = timings
    ? Object.entries(STAGES)
        .filter(([stage]) => Number.isFinite(timings[stage]))
        .map(([stage, name]) => [name, `${round(timings[stage], 1)} ms`])
    : [];
  if (timings) facts.push(["Image size", `${width} × ${height}`]);
  fill(
    byId("timings"),
    facts.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]),
  );
}
