// Starts the detector while the rest of the page is still loading.

import { byId } from "../shared/dom.js";
import { LocalDetector } from "./detector.js";

const loaded = byId("loaded", HTMLProgressElement);
byId("loading").hidden = false;

export const detector = new LocalDetector((share) => (loaded.value = share));
