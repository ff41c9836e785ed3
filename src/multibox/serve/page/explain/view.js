// Explain: one picture, and four questions about it.

import { post } from "../shared/api.js";
import { startAugmentation } from "./augmentation.js";
import { startDetection } from "./detection.js";
import { byId, fill, h, say } from "../shared/dom.js";
import { windowOf } from "./geometry.js";
import { startMaps } from "./maps.js";
import { startMatching } from "./matching.js";
import { named } from "../shared/pictures.js";
import { Stage } from "../shared/stage.js";

const LOWEST = 0.05;
const LABELS = {
  maps: "Picture under the cells of a feature map. Arrow keys go from cell to cell",
  detection: "Picture with one detection explained. Arrow keys move it when zoomed",
  matching: "Picture with labelled objects and the priors matched to them",
};

/** Bring the view to life; returns what opens one of its parts. */
export function startExplain(app) {
  const stage = new Stage(byId("explain-stage"), {
    label: LABELS.maps,
    margin: 0.06,
    keys: (event) => part()?.keys?.(event) ?? false,
  });
  const context = {
    ...app,
    app,
    stage,
    draw,
    fail,
    explained,
    window: () => app.pictures.current.window ?? windowOf(app.pictures.current, app.model),
  };
  const parts = {
    maps: startMaps(context),
    detection: startDetection(context),
    matching: startMatching(context),
    augmentation: startAugmentation(context),
  };
  let name = null;
  let shown = null;

  for (const kind of ["hover", "pick", "leave"]) stage.addEventListener(kind, ({ detail }) => part()?.[kind]?.(detail));
  stage.addEventListener("view", draw);
  app.pictures.addEventListener("change", render);
  byId("explain-picture").addEventListener("change", ({ target }) =>
    app.pictures.choose(app.pictures.list.find(({ key }) => String(key) === target.value)),
  );

  function part() {
    return parts[name];
  }

  function draw() {
    if (app.pictures.current && part()?.shapes) stage.drawing.replaceChildren(...part().shapes());
  }

  function fail(error) {
    if (error?.name === "AbortError") return;
    byId("explain-error").textContent = error ? error.message : "";
  }

  /** What the server says of the detections of a picture; asked for once. */
  function explained(picture) {
    picture.explained ??= post("v1/explain/detections", { image: named(picture), score: LOWEST }).then(
      (answer) => {
        picture.window = answer.window;
        return answer;
      },
      (error) => {
        picture.explained = null;
        throw error;
      },
    );
    return picture.explained;
  }

  function render() {
    const picture = app.pictures.current;
    const open = !byId("explain").hidden;
    byId("explain").classList.toggle("empty", !picture);
    byId("explain-work").hidden = !picture;
    if (!picture || !open || !name) return;
    const looks = `${picture.key} ${picture.width} ${picture.height}`;
    if (shown !== looks) stage.show(picture);
    fill(
      byId("explain-picture"),
      app.pictures.list.map((one) => h("option", { value: one.key, selected: one === picture }, one.name)),
    );
    const fresh = shown !== looks;
    shown = looks;
    if (picture.status === "failed") return fail(new Error(picture.error));
    if (fresh) enter();
    else part().update?.();
  }

  function enter() {
    fail(null);
    stage.drag = null;
    const picture = app.pictures.current;
    Promise.resolve(part().enter(picture)).catch((error) => picture === app.pictures.current && fail(error));
    draw();
  }

  return (which) => {
    const chosen = parts[which] ? which : (name ?? "maps");
    const fresh = chosen !== name;
    part()?.leave?.();
    name = chosen;
    for (const each of Object.keys(parts)) {
      byId(`part-${each}`).hidden = each !== name;
      byId(`to-${each}`).toggleAttribute("aria-current", each === name);
      if (each === name) byId(`to-${each}`).setAttribute("aria-current", "step");
    }
    byId("explain-work").classList.toggle("plain", name === "augmentation");
    stage.label = LABELS[name] ?? LABELS.maps;
    if (fresh) say(byId(`part-${name}`).querySelector("h2").textContent);
    shown = null;
    render();
  };
}
