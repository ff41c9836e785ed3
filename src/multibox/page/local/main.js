// The page of a site without a server: what needs no training data, with a detector that runs in the browser.

import { DetectionPart } from "../explain/detection/part.js";
import { MapsPart } from "../explain/maps/part.js";
import { ExplainView } from "../explain/view.js";
import { start } from "../page.js";
import { byId } from "../shared/dom.js";
import { TryView } from "../try/view.js";
import { LocalDetector } from "./detector.js";

navigator.serviceWorker?.register("sw.js").catch((error) => console.warn("The page will not work offline.", error));

await start(new LocalDetector(), (app) => ({
  try: new TryView(app),
  explain: new ExplainView(app, (context) => ({
    maps: new MapsPart(context),
    detection: new DetectionPart(context),
  })),
}));
byId("loading").hidden = true;
