// The page: describes the model, then shows the view that the address names.

/** @import { Api, Model } from "./shared/api.d.ts" */

import { App } from "./shared/app.js";
import { byId, setCurrent } from "./shared/dom.js";
import { count, messageOf } from "./shared/text.js";

/**
 * A view. `open` shows a part of it, by default the last one, and `leave` is called before another view is shown.
 *
 * @typedef {{ open(part?: string): void, leave?(): void }} View
 */

const LISTED = 40; // classes that are named

/**
 * Start the page.
 *
 * @param {Api} api
 * @param {(app: App) => Record<string, View>} createViews Creates the views, by the names that the address uses.
 */
export async function start(api, createViews) {
  let model;
  try {
    model = await api.model();
  } catch (error) {
    byId("page-error").textContent = messageOf(error);
    return;
  }
  describe(model);
  navigate(createViews(new App(api, model)));
  document.body.dataset.ready = "true";
}

/** @param {Model} model */
function describe({ name, runtime, classes, size: [height, width] }) {
  const rest = classes.length > LISTED ? ` and ${classes.length - LISTED} more` : "";
  byId("class-names").textContent = `This model detects: ${classes.slice(0, LISTED).join(", ")}${rest}.`;
  const facts = [name, count(classes.length, "class", "classes"), `input ${width} × ${height}`, runtime];
  byId("model").textContent = facts.filter(Boolean).join(", ");
}

/** @param {Record<string, View>} views */
function navigate(views) {
  addEventListener("hashchange", () => show(views));
  show(views);
}

/**
 * Show the view of an address such as #explain/matching. Other addresses change nothing.
 *
 * @param {Record<string, View>} views
 */
function show(views) {
  const [name, part] = (location.hash.slice(1) || "try").split("/");
  if (!Object.hasOwn(views, name)) return;
  for (const [each, view] of Object.entries(views)) {
    if (each !== name && !byId(each).hidden) view.leave?.();
    byId(each).hidden = each !== name;
    setCurrent(byId(`nav-${each}`), each === name ? "page" : null);
  }
  document.title = `${byId(`nav-${name}`).textContent} – Multibox`;
  views[name].open(part);
}
