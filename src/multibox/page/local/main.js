// The page of a site without a server: what needs no training data, with a detector that runs in the browser.

import { DetectionPart } from "../explain/detection/part.js";
import { MapsPart } from "../explain/maps/part.js";
import { ExplainView } from "../explain/view.js";
import { start } from "../page.js";
import { byId } from "../shared/dom.js";
import { messageOf } from "../shared/text.js";
import { TryView } from "../try/view.js";
import { detector } from "./detector.js";

showLoading();
await start(detector, (app) => ({
  try: new TryView(app),
  explain: new ExplainView(app, (context) => ({
    maps: new MapsPart(context),
    detection: new DetectionPart(context),
  })),
}));
await finishLoading();
await detector.idle(); // keeping the site would slow down its first detections
keepOffline();

function showLoading() {
  const loaded = byId("loaded", HTMLProgressElement);
  detector.onprogress = (share) => (loaded.value = share);
  byId("loading").hidden = false;
}

async function finishLoading() {
  try {
    byId("model").append(`, ${await detector.opened()}`);
  } catch (error) {
    byId("page-error").textContent = messageOf(error);
  }
  byId("loading").hidden = true;
}

/** Keep the site in the browser, and look for a newer one. */
async function keepOffline() {
  if (!("serviceWorker" in navigator)) return; // such as on a page without HTTPS
  try {
    const worker = await navigator.serviceWorker.register("sw.js");
    worker.update().catch(() => undefined); // fails offline
  } catch (error) {
    console.warn("The page will not work offline.", error);
  }
}
