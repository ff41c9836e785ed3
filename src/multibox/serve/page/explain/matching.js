// Matching: which priors learn from which object, and which background teaches the most.

import { get, post } from "../shared/api.js";
import { boxShape, captions } from "../shared/boxes.js";
import { byId, count, fill, h, round, table } from "../shared/dom.js";
import { question, startObjects } from "./objects.js";
import { colorOf, inkOf } from "../shared/palette.js";
import { named } from "../shared/pictures.js";

const LISTED = 60; // rows of a table; the drawing shows all

/** The part's behaviour, for explain.js. */
export function startMatching(context) {
  const { model, pictures, stage, draw, fail } = context;
  const withPositives = byId("show-positives");
  const withNegatives = byId("show-negatives");
  let answer = null;
  let chosen = null;
  let lit = null;
  let asked = null;
  const objects = startObjects(context, ask);
  for (const box of [withPositives, withNegatives]) box.addEventListener("change", draw);

  async function ask() {
    const picture = pictures.current;
    answer = lit = null;
    if (chosen >= picture.objects.length) chosen = 0;
    asked?.abort();
    asked = new AbortController();
    render();
    draw();
    if (!picture.objects.length) return;
    try {
      const { query, objects: given } = question(picture);
      const got = query
        ? await get("v1/explain/matching", query, asked.signal)
        : await post("v1/explain/matching", { image: named(picture), objects: given }, asked.signal);
      if (picture !== pictures.current) return;
      answer = { ...got, objects: numbered(got.objects, picture.objects) };
      fail(null);
    } catch (error) {
      return fail(error);
    }
    render();
    draw();
  }

  function choose(i) {
    chosen = i;
    lit = null;
    render();
    draw();
  }

  function render() {
    const picture = pictures.current;
    byId("no-objects").hidden = picture.objects.length > 0;
    byId("use-detections").hidden = picture.objects.length > 0;
    fill(byId("object-list"), objects.list(chosen, choose));
    byId("matching-result").hidden = !answer;
    if (!answer) return;
    const { counts, config } = answer;
    const answering = `${count(counts.positives, "prior")} of ${model.priors.toLocaleString("en")} ${counts.positives === 1 ? "answers" : "answer"}`;
    const mined = `the ${counts.negatives.toLocaleString("en")} with the highest loss ${counts.negatives === 1 ? "is" : "are"} kept`;
    byId("matching-counts").textContent =
      `${answering} for ${count(answer.objects.length, "object")}. ` +
      (config.mined
        ? `Of all the others, ${mined} as background, at most ${config.negatives} for each positive.`
        : "With this model’s loss all the others learn that they see background; the hardest are listed below.");
    renderPositives(config);
    renderNegatives();
  }

  function chosenObjects() {
    return answer.objects.filter(({ i }) => chosen === null || chosen === i);
  }

  function renderPositives(config) {
    const shown = chosenObjects();
    byId("matching-best").replaceChildren(
      ...shown.map(({ i, name, best, positives }) =>
        h(
          "li",
          {},
          `${i + 1} ${name}: `,
          best ? `best prior ${best.prior.toLocaleString("en")}, IoU ${round(best.iou)}; ` : "no prior overlaps it; ",
          `${count(positives.length, "prior")} matched.`,
        ),
      ),
    );
    const rows = shown.flatMap(({ i, label, name, best, positives }) =>
      positives.map((one) => ({ ...one, i, label, name, best: one.prior === best?.prior })),
    );
    rows.sort((a, b) => b.iou - a.iou);
    byId("matching-rule").textContent =
      config.method === "threshold"
        ? `A prior answers for the object it overlaps by an IoU of at least ${config.iou}; each object’s best prior does so in any case.`
        : `This model was trained with the matching method “${config.method}”.`;
    fill(
      byId("positives"),
      table(
        listed("Positives, the best overlap first", rows),
        [["Object"], ["IoU", true], ["Map"], ["Cell"], ["Class loss", true], ["Box loss", true]],
        rows
          .slice(0, LISTED)
          .map((one) =>
            row(one, [
              [`${one.i + 1} ${one.name}${one.best ? " (best)" : ""}`],
              [round(one.iou, 3), true],
              [mapName(one.map)],
              [`${one.row}, ${one.column}`],
              [round(one.loss_classes, 3), true],
              [round(one.loss_boxes, 3), true],
            ]),
          ),
      ),
    );
  }

  function renderNegatives() {
    fill(
      byId("negatives"),
      table(
        listed("Mined negatives, the hardest first", answer.negatives),
        [["Prior", true], ["Map"], ["Loss", true], ["Taken for"]],
        answer.negatives
          .slice(0, LISTED)
          .map((one) =>
            row(one, [
              [one.prior.toLocaleString("en"), true],
              [mapName(one.map)],
              [round(one.loss, 3), true],
              [one.most_like],
            ]),
          ),
      ),
    );
  }

  const listed = (title, all) => (all.length > LISTED ? `${title}; ${LISTED} of ${all.length} listed` : title);
  const mapName = (i) => `${model.maps[i].height} × ${model.maps[i].width}`;

  function row(one, cells) {
    return h(
      "tr",
      { onmouseenter: () => light(one), onmouseleave: () => light(null) },
      cells.map(([text, number]) => h("td", { class: number ? "number" : null }, text)),
    );
  }

  function light(one) {
    lit = one;
    draw();
  }

  function shapes() {
    const labelled = pictures.current.objects.map(({ name, box }, i) => ({
      box,
      i,
      name,
      label: model.classes.indexOf(name),
    }));
    const fade = lit ? "dim" : "";
    const drawn = [];
    if (answer && withNegatives.checked)
      drawn.push(...answer.negatives.map((one) => boxShape(one.box, { color: "#fff", kind: `negative ${fade}` })));
    if (answer && withPositives.checked) {
      for (const { label, positives, best } of chosenObjects()) {
        drawn.push(
          ...positives.map((one) =>
            boxShape(one.box, {
              color: colorOf(label),
              kind: `positive ${one.prior === best?.prior ? "best" : ""} ${fade}`,
            }),
          ),
        );
      }
    }
    const bold = labelled.filter(({ i }) => chosen === null || chosen === i);
    drawn.push(
      ...labelled.map(({ box, label, i }) =>
        boxShape(box, {
          color: colorOf(label),
          kind: `${bold.some((one) => one.i === i) ? "object" : "other"} ${fade}`,
        }),
      ),
    );
    if (lit) drawn.push(boxShape(lit.box, { color: lit.iou === undefined ? "#fff" : colorOf(lit.label), kind: "lit" }));
    const texts = bold.map(({ box, i, name, label }) => ({
      box,
      text: `${i + 1} ${name}`,
      color: colorOf(label),
      ink: inkOf(label),
    }));
    if (lit)
      texts.push({
        box: lit.box,
        text: lit.iou === undefined ? `loss ${round(lit.loss)}` : `IoU ${round(lit.iou)}`,
        color: "#fff",
        ink: "#000",
      });
    return [...drawn, ...captions(texts, stage.scale, stage.size), ...objects.rubber()];
  }

  return {
    enter() {
      chosen = 0;
      return ask();
    },
    leave: objects.stop,
    update: () => answer ?? render(),
    shapes,
  };
}

/** The matched objects, each with the number that it has in the picture's list; some of the list take no part. */
function numbered(matched, listed) {
  const free = new Set(listed.keys());
  const away = (a, b) => a.reduce((sum, value, k) => sum + Math.abs(value - b[k]), 0);
  return matched.map((object) => {
    const alike = [...free].filter((i) => listed[i].name === object.name);
    const i = alike.sort((a, b) => away(listed[a].box, object.box) - away(listed[b].box, object.box))[0];
    free.delete(i);
    return { ...object, i };
  });
}
