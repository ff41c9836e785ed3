// The page: learns what the model is, then shows the view that the address names.

import { get } from "./shared/api.js";
import { startDataset } from "./dataset/view.js";
import { byId, count } from "./shared/dom.js";
import { startExplain } from "./explain/view.js";
import { Pictures } from "./shared/pictures.js";
import { Thresholds } from "./shared/thresholds.js";
import { startTry } from "./try/view.js";

const NAMED = 40; // classes that are listed
const VIEWS = ["try", "explain", "dataset"];

start();

async function start() {
  let model;
  try {
    model = await get("v1/model");
  } catch (error) {
    byId("page-error").textContent = error.message;
    return;
  }
  const app = { model, pictures: new Pictures(), thresholds: new Thresholds(model), explained: null };
  describe(model);
  startTry(app);
  const openers = { explain: startExplain(app), dataset: startDataset(app) };
  const show = () => open(openers);
  addEventListener("hashchange", show);
  show();
  document.body.dataset.ready = "true";
}

function describe({ name, runtime, classes, size: [height, width] }) {
  byId("knows").textContent =
    `This model knows: ${classes.slice(0, NAMED).join(", ")}${classes.length > NAMED ? ` and ${classes.length - NAMED} more` : ""}.`;
  byId("model").textContent =
    `${name}, ${count(classes.length, "class", "classes")}, input ${width} × ${height}, ${runtime}`;
}

/** Show the view of an address such as #explain/matching. */
function open(openers) {
  const [view, part] = location.hash.slice(1).split("/");
  if (view && !VIEWS.includes(view)) return;
  const chosen = view || "try";
  for (const name of VIEWS) {
    byId(name).hidden = name !== chosen;
    if (name === chosen) byId(`nav-${name}`).setAttribute("aria-current", "page");
    else byId(`nav-${name}`).removeAttribute("aria-current");
  }
  document.title = `${byId(`nav-${chosen}`).textContent} – Multibox`;
  openers[chosen]?.(part);
}
