// Augmentation: each step before and after, for a seed.

import { get, post } from "../shared/api.js";
import { byId, fill, h, s, say } from "../shared/dom.js";
import { pictureWithBoxes, question } from "./objects.js";
import { colorOf } from "../shared/palette.js";
import { named } from "../shared/pictures.js";

/** The objects of a picture, relative to it. */
const relative = ({ objects, width, height }) =>
  objects.map(({ name, box: [x0, y0, x1, y1] }) => ({
    name,
    box_rel: [x0 / width, y0 / height, x1 / width, y1 / height],
  }));

/** The part's behaviour, for explain.js. */
export function startAugmentation({ model, pictures, fail }) {
  const seed = byId("seed");
  let asked = null;

  byId("roll").addEventListener("click", () => {
    seed.value = Math.floor(Math.random() * 100_000);
    ask();
  });
  byId("seed-form").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });

  async function ask() {
    const picture = pictures.current;
    const { query, objects } = question(picture);
    asked?.abort();
    asked = new AbortController();
    byId("steps").setAttribute("aria-busy", "true");
    try {
      const wanted = Number(seed.value) || 0;
      const answer = query
        ? await get("v1/explain/augmentation", { ...query, seed: wanted }, asked.signal)
        : await post("v1/explain/augmentation", { image: named(picture), objects, seed: wanted }, asked.signal);
      if (picture !== pictures.current) return;
      fail(null);
      const seen = [relative(picture), ...answer.steps.map((one) => one.objects)];
      fill(
        byId("steps"),
        answer.steps.map((one, i) => step(one, seen[i])),
      );
      const done = answer.steps.filter((one) => one.did).length;
      say(`Seed ${answer.seed}: ${done} of ${answer.steps.length} steps changed the picture.`);
    } catch (error) {
      fail(error);
    }
    byId("steps").removeAttribute("aria-busy");
  }

  function step({ title, says, before, after, did, objects }, earlier) {
    return h(
      "li",
      { class: did ? "step" : "step idle" },
      h(
        "div",
        { class: "step-text" },
        h("h3", {}, title),
        h("p", {}, says),
        did ? null : h("p", { class: "chance" }, "Chance left this step out for this seed."),
      ),
      did
        ? [
            h(
              "figure",
              {},
              pictureWithBoxes(before, `Before: ${title}`, earlier.map(outline)),
              h("figcaption", {}, "Before"),
            ),
            h(
              "figure",
              {},
              pictureWithBoxes(after, `After: ${title}`, objects.map(outline)),
              h(
                "figcaption",
                {},
                "After",
                objects.length ? `, with ${objects.map(({ name }) => name).join(", ")}` : "",
              ),
            ),
          ]
        : null,
    );
  }

  function outline({ name, box_rel: [x0, y0, x1, y1] }) {
    const place = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
    return s(
      "g",
      { class: "box", color: colorOf(model.classes.indexOf(name)) },
      s("title", {}, name),
      s("rect", { class: "halo", ...place }),
      s("rect", { class: "line", ...place }),
    );
  }

  return {
    enter: (picture) => {
      fill(byId("steps"));
      byId("augmentation-unlabelled").hidden = picture.objects.length > 0;
      return ask();
    },
  };
}
