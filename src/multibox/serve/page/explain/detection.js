// A detection: which prior made it, the arithmetic, and what NMS removed for it.

import { boxShape, captions, gridShape } from "../shared/boxes.js";
import { byId, count, fill, h, round, say, table } from "../shared/dom.js";
import { cellBox, partlyDecoded, ratioText, toCorners, toPicture } from "./geometry.js";
import { colorOf, inkOf } from "../shared/palette.js";

const SHOWN_CLASSES = 5;
const DRAWN = 12;

/** The part's behaviour, for explain.js. */
export function startDetection({ app, model, pictures, draw, explained, window, stage }) {
  const share = byId("share");
  const withRemoved = byId("show-removed");
  let answer = null;
  let chosen = null;
  let lit = null;

  share.addEventListener("input", () => {
    byId("share-value").textContent = `${round(100 * share.value, 0)}%`;
    draw();
  });
  withRemoved.addEventListener("change", draw);

  const shown = () => answer?.detections.filter((one) => app.thresholds.shows(one) || one === chosen) ?? [];

  function choose(one) {
    chosen = one;
    lit = null;
    share.value = 1;
    byId("share-value").textContent = "100%";
    render();
    draw();
    if (one) say(`${one.name}, score ${round(one.score)}, explained.`);
  }

  function render() {
    const found = shown();
    byId("detection-story").hidden = !chosen;
    fill(
      byId("detection-list"),
      found.map((one, i) =>
        h(
          "button",
          {
            type: "button",
            class: "pill",
            color: colorOf(one.label),
            "aria-pressed": one === chosen ? "true" : "false",
            "data-key": i,
            onclick: () => choose(one),
          },
          h("span", { class: "swatch" }),
          `${one.name} ${round(one.score)}`,
        ),
      ),
      found.length
        ? null
        : h(
            "p",
            { class: "soft" },
            answer
              ? "Nothing reaches the threshold set under Try. Lower it there, or take another picture."
              : "Detecting…",
          ),
    );
    if (!chosen) return;
    renderWhere();
    renderWhat();
    renderDecoding();
    renderRemoved();
  }

  function renderWhere() {
    const { prior } = chosen;
    const map = model.maps[prior.map];
    const [, , w, height] = prior.box_rel;
    const rows = [
      ["Feature map", `${prior.map + 1} of ${model.maps.length}: ${map.height} × ${map.width} cells`],
      ["Cell", `row ${prior.row}, column ${prior.column}, counted from 0`],
      ["Prior", `${prior.kind + 1} of ${map.per_cell} in its cell, width : height ${ratioText(prior.ratio)}`],
      [
        "Its size",
        `${round(w * answer.input[1], 1)} × ${round(height * answer.input[0], 1)} pixels of the ${answer.input[1]} × ${answer.input[0]} input`,
      ],
      [
        "Its index",
        `${prior.index.toLocaleString("en")}, of ${model.priors.toLocaleString("en")} priors counted from 0`,
      ],
    ];
    fill(
      byId("detection-where"),
      rows.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]),
    );
  }

  function renderWhat() {
    const { logits } = chosen;
    const names = ["background", ...model.classes];
    const sigmoid = model.activation === "sigmoid";
    const scores = shares(logits, sigmoid);
    const order = scores
      .map((_, i) => i)
      .filter((i) => !(sigmoid && i === 0))
      .sort((a, b) => scores[b] - scores[a]);
    const top = order.slice(0, SHOWN_CLASSES);
    fill(
      byId("detection-scores"),
      top.map((i) =>
        h(
          "li",
          { color: i ? colorOf(i - 1) : "var(--soft)" },
          h("span", { class: "name" }, names[i]),
          bar(scores[i]),
          h("span", { class: "number" }, round(scores[i], 4)),
          h("span", { class: "logit" }, `logit ${signed(round(logits[i], 2))}`),
        ),
      ),
    );
    const x = logits[chosen.label + 1];
    byId("detection-softmax").replaceChildren(
      ...(sigmoid
        ? ["1 ÷ (1 + ", power(-x), ") = ", strong(chosen.score)]
        : [power(x), " ÷ ", sumOfPowers(logits), " = ", strong(chosen.score)]),
    );
    byId("detection-softmax-note").textContent = sigmoid
      ? "Each class is judged alone: the sigmoid of its logit."
      : `The divisor is the sum of e to the logit over background and all ${count(model.classes.length, "class", "classes")}: softmax.`;
  }

  function renderDecoding() {
    const { decode } = chosen;
    const names = ["centre x", "centre y", "width", "height"];
    fill(
      byId("detection-deltas"),
      table(
        "What goes in",
        [[""], ["Prior", true], ["Delta", true], ["Variance", true]],
        names.map((name, i) => [
          name,
          round(decode.prior_cxcywh[i], 4),
          signed(round(decode.deltas[i], 4)),
          String(decode.variances[i]),
        ]),
      ),
    );
    fill(
      byId("detection-steps"),
      decode.steps.map(({ text, value }) =>
        h("li", {}, h("span", { class: "sum" }, formula(text), " = "), strong(value)),
      ),
    );
    fill(
      byId("detection-box"),
      "In pixels of the picture: ",
      h("strong", { class: "number" }, chosen.box.map((value) => round(value, 1)).join(", ")),
    );
  }

  function renderRemoved() {
    const { removed } = chosen;
    const more = `${count(removed.length, "more prior")} had found the same ${chosen.name}`;
    const overlap = removed.length === 1 ? "its box overlaps" : "their boxes overlap";
    byId("removed-note").textContent = removed.length
      ? `${more}: ${overlap} this one by more than ${model.nms_iou}, with a lower score. ` +
        "Non-maximum suppression keeps the best and removes the rest." +
        (removed.length > DRAWN ? ` The picture shows the best ${DRAWN} of them.` : "")
      : `No other box of the class ${chosen.name} overlaps this one by more than ${model.nms_iou}: nothing was removed for it.`;
    withRemoved.closest("label").hidden = !removed.length;
    fill(
      byId("removed"),
      removed.length
        ? table(
            "Removed, the highest score first",
            [
              ["Prior", true],
              ["Score", true],
              ["IoU with this box", true],
            ],
            removed.map((one) =>
              h(
                "tr",
                { onmouseenter: () => light(one), onmouseleave: () => light(null) },
                [one.prior.toLocaleString("en"), round(one.score, 4), round(one.iou, 4)].map((text) =>
                  h("td", { class: "number" }, text),
                ),
              ),
            ),
          )
        : [],
    );
  }

  /** The removed boxes that are drawn: the best, and the one whose row is pointed at. */
  const drawn = (removed) => removed.filter((one, i) => i < DRAWN || one === lit);

  function light(one) {
    lit = one;
    draw();
  }

  function shapes() {
    const color = (one) => colorOf(one.label);
    const text = (one) => `${one.name} ${round(one.score)}`;
    if (!chosen) {
      const found = shown();
      return [...found]
        .reverse()
        .map((one) =>
          boxShape(one.box, { color: color(one), title: text(one), "data-i": answer.detections.indexOf(one) }),
        )
        .concat(
          captions(
            found.map((one) => ({ box: one.box, text: text(one), color: color(one), ink: inkOf(one.label) })),
            stage.scale,
            stage.size,
          ),
        );
    }
    const inside = window();
    const { prior, decode, removed } = chosen;
    const map = model.maps[prior.map];
    const part = Number(share.value);
    const moving = toPicture(partlyDecoded(decode.prior_cxcywh, decode.deltas, decode.variances, part), inside);
    const box = part === 1 ? chosen.box : moving;
    const priorBox = toPicture(toCorners(prior.box_rel), inside);
    const others = shown().filter((one) => one !== chosen);
    return [
      gridShape(map.height, map.width, inside, "faint"),
      boxShape(cellBox(map, prior.row, prior.column, inside), { color: "var(--accent)", kind: "cell" }),
      ...others.map((one) =>
        boxShape(one.box, {
          color: color(one),
          kind: "other",
          title: text(one),
          "data-i": answer.detections.indexOf(one),
        }),
      ),
      ...(withRemoved.checked
        ? drawn(removed).map((one) =>
            boxShape(one.box, {
              color: "#fff",
              kind: one === lit ? "removed lit" : "removed",
              title: `Removed: ${round(one.score)}`,
            }),
          )
        : []),
      boxShape(priorBox, { color: color(chosen), kind: "prior dashed", title: "Prior" }),
      boxShape(box, { color: color(chosen), kind: "lit", title: text(chosen) }),
      ...captions(
        [
          { box, text: part === 1 ? text(chosen) : "on its way", color: color(chosen), ink: inkOf(chosen.label) },
          ...(part > 0.02 ? [{ box: priorBox, text: "prior", color: "#fff", ink: "#000" }] : []),
        ],
        stage.scale,
        stage.size,
      ),
    ];
  }

  return {
    async enter(picture) {
      answer = chosen = null;
      render();
      const got = await explained(picture).catch((error) => {
        fill(byId("detection-list"));
        throw error;
      });
      if (picture !== pictures.current) return;
      answer = got;
      const wanted = app.explained ? nearest(got.detections, app.explained) : null;
      app.explained = null;
      choose(wanted ?? shown()[0] ?? null);
    },
    shapes,
    pick({ target }) {
      const i = target.closest?.("[data-i]")?.dataset.i;
      if (i !== undefined) choose(answer.detections[i]);
    },
  };
}

/** The same detection as another view knows it. */
function nearest(detections, { label, box }) {
  const away = (one) => one.box.reduce((sum, value, i) => sum + Math.abs(value - box[i]), 0);
  return detections.filter((one) => one.label === label).sort((a, b) => away(a) - away(b))[0] ?? null;
}

function shares(logits, sigmoid) {
  if (sigmoid) return logits.map((x) => 1 / (1 + Math.exp(-x)));
  const highest = Math.max(...logits);
  const powers = logits.map((x) => Math.exp(x - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

function sumOfPowers(logits) {
  const sum = logits.reduce((total, x) => total + Math.exp(x), 0);
  return sum >= 0.001 && sum < 1e6 ? round(sum, sum < 10 ? 4 : 2) : sum.toPrecision(5);
}

function bar(share) {
  const inner = h("span", {});
  inner.style.width = `${100 * share}%`;
  return h("span", { class: "bar", "aria-hidden": "true" }, inner);
}

const power = (x) => h("span", {}, "e", h("sup", {}, signed(round(x, 3))));
const strong = (value) => h("strong", { class: "number", "data-value": value }, signed(round(value, 4)));
const signed = (text) => String(text).replace("-", "−");

/** A step of the arithmetic in the signs of print, its numbers rounded. */
function formula(text) {
  return text
    .replace(/\d+\.\d{5,}(?:e[+-]?\d+)?/g, (digits) => round(Number(digits), 4))
    .replace(/\*/g, "×")
    .replace(/ ?\/ ?/g, " ÷ ")
    .replace(/-/g, "−");
}
