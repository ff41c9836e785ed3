// The labelled objects of the open picture: those of a dataset, or drawn here.

import { boxShape } from "../shared/boxes.js";
import { byId, fill, h, round, s, say } from "../shared/dom.js";
import { colorOf } from "../shared/palette.js";

const LEAST = 2; // pixels a side

/** Lets the user draw and delete objects; `changed` is called after each change. */
export function startObjects({ app, model, pictures, stage, draw }, changed) {
  const drawing = byId("draw-box");
  const classes = byId("draw-class");
  let from = null;
  let to = null;
  fill(
    classes,
    model.classes.map((name) => h("option", {}, name)),
  );

  drawing.addEventListener("click", () => setDrawing(drawing.getAttribute("aria-pressed") !== "true"));
  byId("use-detections").addEventListener("click", () => {
    const found = pictures.current.detections.filter((one) => app.thresholds.shows(one));
    set(found.map(({ name, box }) => ({ name, box })));
  });
  byId("typed-box").addEventListener("submit", (event) => {
    event.preventDefault();
    const box = ["x0", "y0", "x1", "y1"].map((id) => Number(byId(id).value));
    add(box);
  });

  function setDrawing(on) {
    drawing.setAttribute("aria-pressed", on);
    stage.drag = on ? dragged : null;
    stage.fit();
  }

  function dragged(start, end, done) {
    [from, to] = [start, end];
    if (done) {
      const box = [
        Math.min(from[0], to[0]),
        Math.min(from[1], to[1]),
        Math.max(from[0], to[0]),
        Math.max(from[1], to[1]),
      ];
      from = to = null;
      add(box);
    }
    draw();
  }

  function add(wanted) {
    const [width, height] = stage.size;
    const limits = [width, height, width, height];
    const box = wanted.map((value, i) => Math.min(limits[i], Math.max(0, value)));
    const valid = box[2] - box[0] >= LEAST && box[3] - box[1] >= LEAST;
    byId("box-problem").textContent = valid
      ? ""
      : `A box needs ${LEAST} pixels a side inside the picture, its right and lower edge behind its left and upper one.`;
    if (valid) set([...pictures.current.objects, { name: classes.value, box }]);
  }

  function set(objects) {
    Object.assign(pictures.current, { objects, edited: true });
    say(`${objects.length} labelled.`);
    changed();
  }

  return {
    /** Stop drawing. */
    stop: () => setDrawing(false),

    /** The objects as a list to choose from; `lit` is the one chosen. */
    list(lit, choose) {
      const { objects } = pictures.current;
      const all = h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            class: "pill",
            "aria-pressed": lit === null ? "true" : "false",
            "data-key": "object-all",
            onclick: () => choose(null),
          },
          "all",
        ),
      );
      const each = objects.map(({ name, box }, i) =>
        h(
          "li",
          { color: colorOf(model.classes.indexOf(name)) },
          h(
            "button",
            {
              type: "button",
              class: "pill",
              "aria-pressed": i === lit ? "true" : "false",
              "data-key": `object-${i}`,
              onclick: () => choose(i),
            },
            h("span", { class: "swatch" }),
            `${i + 1} ${name}`,
          ),
          h(
            "button",
            {
              type: "button",
              class: "close",
              "aria-label": `Delete object ${i + 1}, ${name}, at ${box.map((value) => round(value, 0)).join(", ")}`,
              title: "Delete",
              onclick: () => set(objects.filter((_, j) => j !== i)),
            },
            "×",
          ),
        ),
      );
      return objects.length > 1 ? [all, ...each] : each;
    },

    /** The box that is being drawn. */
    rubber() {
      if (!from) return [];
      const box = [
        Math.min(from[0], to[0]),
        Math.min(from[1], to[1]),
        Math.max(from[0], to[0]),
        Math.max(from[1], to[1]),
      ];
      return [boxShape(box, { color: colorOf(model.classes.indexOf(classes.value)), kind: "dashed" })];
    },
  };
}

/** What names the source of objects in a request: the dataset's own, or those given. */
export function question(picture) {
  if (picture.source && !picture.edited) return { query: picture.source };
  return { objects: JSON.stringify(picture.objects.map(({ name, box }) => ({ name, box }))) };
}

/** An SVG of a picture with boxes relative to it. */
export function pictureWithBoxes(url, title, boxes) {
  return h(
    "div",
    { class: "plate" },
    h("img", { src: url, alt: title }),
    s("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" }, boxes),
  );
}
