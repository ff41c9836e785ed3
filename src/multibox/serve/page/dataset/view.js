// Dataset: the pictures of a store, with what is labelled in them.

import { get, getBlob } from "../shared/api.js";
import { boxShape } from "../shared/boxes.js";
import { byId, count, fill, h, s, say } from "../shared/dom.js";
import { colorOf } from "../shared/palette.js";

const PAGE = 24;
const WIDTH = 400; // pixels of a small picture
const MISTAKES = { missed: "missed", false: "false alarm", mislabelled: "wrong class" };
const KEYS = {
  missed: "Missed objects are dotted, in white.",
  false: "False alarms are dashed, in white.",
  mislabelled: "What was found under a wrong name is dashed, in white.",
};

/** Bring the view to life; returns what opens it. */
export function startDataset({ model, pictures }) {
  const fields = Object.fromEntries(
    ["data", "split", "class", "size", "mistake"].map((name) => [name, byId(`filter-${name}`)]),
  );
  let datasets = null;
  let offset = 0;
  let asked = null;
  let urls = [];

  fields.data.addEventListener("change", () => {
    setSplits();
    turn(0);
  });
  fields.split.addEventListener("change", () => {
    setClasses();
    turn(0);
  });
  for (const name of ["class", "size", "mistake"]) fields[name].addEventListener("change", () => turn(0));
  byId("earlier").addEventListener("click", () => turn(offset - PAGE));
  byId("later").addEventListener("click", () => turn(offset + PAGE));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());

  const current = () => datasets.find(({ name }) => name === `${fields.data.value}/${fields.split.value}`);
  const parts = ({ name }) => [name.slice(0, name.lastIndexOf("/")), name.slice(name.lastIndexOf("/") + 1)];

  function setNames() {
    fill(
      fields.data,
      [...new Set(datasets.map((one) => parts(one)[0]))].map((name) => h("option", {}, name)),
    );
    setSplits();
  }

  function setSplits() {
    fill(
      fields.split,
      datasets.filter((one) => parts(one)[0] === fields.data.value).map((one) => h("option", {}, parts(one)[1])),
    );
    setClasses();
  }

  function setClasses() {
    const kept = fields.class.value;
    const { classes, mistakes } = current();
    fill(
      fields.class,
      h("option", { value: "" }, "all"),
      classes.map((name) => h("option", {}, name)),
    );
    if (classes.includes(kept)) fields.class.value = kept;
    fields.mistake.disabled = !mistakes;
    if (!mistakes) fields.mistake.value = "";
    byId("no-mistakes").hidden = Boolean(mistakes);
  }

  async function turn(to) {
    offset = Math.max(0, to);
    asked?.abort();
    asked = new AbortController();
    const data = current().name;
    const { signal } = asked;
    byId("gallery").setAttribute("aria-busy", "true");
    byId("gallery-count").textContent = "Loading…";
    try {
      const answer = await get(
        "v1/datasets/images",
        {
          data,
          class: fields.class.value,
          size: fields.size.value,
          mistake: fields.mistake.value,
          offset,
          limit: PAGE,
        },
        signal,
      );
      render(data, answer, signal);
      byId("dataset-error").textContent = "";
    } catch (error) {
      if (error.name !== "AbortError") byId("dataset-error").textContent = error.message;
    }
    byId("gallery").removeAttribute("aria-busy");
  }

  function render(data, { total, images }, signal) {
    const { objects, images: all } = current();
    byId("dataset-size").textContent =
      `${count(all, "picture")}, ${count(objects, "object")}, ${count(current().classes.length, "class", "classes")}.`;
    byId("mistake-key").textContent = KEYS[fields.mistake.value] ?? "";
    const text = total
      ? `${(offset + 1).toLocaleString("en")} to ${(offset + images.length).toLocaleString("en")} of ${count(total, "picture")}`
      : "No picture fits these filters.";
    byId("gallery-count").textContent = text;
    say(text);
    byId("earlier").disabled = offset === 0;
    byId("later").disabled = offset + images.length >= total;
    urls.forEach(URL.revokeObjectURL);
    urls = [];
    fill(
      byId("gallery"),
      images.map((image) => card(data, image, signal)),
    );
  }

  function card(data, image, signal) {
    const picture = h("img", { alt: "", width: image.width, height: image.height });
    getBlob("v1/datasets/picture", { data, id: image.id, width: WIDTH }).then(
      (blob) => {
        if (signal.aborted) return;
        urls.push((picture.src = URL.createObjectURL(blob)));
      },
      (error) => (byId("dataset-error").textContent = error.message),
    );
    const send = (hash) => async () => {
      try {
        await pictures.openFromDataset(data, image);
        location.hash = hash;
      } catch (error) {
        byId("dataset-error").textContent = error.message;
      }
    };
    return h(
      "li",
      { class: "card" },
      h(
        "button",
        { type: "button", class: "plate", "aria-label": `Try ${image.id}: ${content(image)}`, onclick: send("#try") },
        picture,
        overlay(image),
      ),
      h(
        "div",
        { class: "card-foot" },
        h("span", { class: "card-name", title: image.id }, image.id),
        h("button", { type: "button", class: "link", "aria-label": `Try ${image.id}`, onclick: send("#try") }, "Try"),
        h(
          "button",
          { type: "button", class: "link", "aria-label": `Explain ${image.id}`, onclick: send("#explain/matching") },
          "Explain",
        ),
      ),
      h("p", { class: "card-text" }, content(image)),
    );
  }

  function overlay({ width, height, objects, mistakes = {} }) {
    const kind = fields.mistake.value;
    const wrong = mistakes[kind] ?? [];
    const boxes = objects.map(({ name, box }) =>
      boxShape(box, { color: colorOf(model.classes.indexOf(name)), kind: kind ? "other" : "", title: name }),
    );
    boxes.push(
      ...wrong.map((one) =>
        boxShape(one.box, { color: "#fff", kind: `mistake ${kind}`, title: `${one.name}: ${MISTAKES[kind]}` }),
      ),
    );
    return s("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, boxes);
  }

  return async () => {
    try {
      datasets ??= await get("v1/datasets");
    } catch (error) {
      byId("dataset-error").textContent = error.message;
      return;
    }
    byId("no-datasets").hidden = datasets.length > 0;
    byId("dataset-work").hidden = !datasets.length;
    if (!datasets.length || fields.data.options.length) return;
    setNames();
    turn(0);
  };
}

/** What is in a picture, in words: "2 dog, 1 cat; missed: dog". */
function content({ objects, mistakes = {} }) {
  const wrong = Object.entries(mistakes)
    .filter(([, all]) => all.length)
    .map(([kind, all]) => `${MISTAKES[kind]}: ${tally(all)}`);
  return [tally(objects) || "nothing labelled", ...wrong].join("; ");
}

function tally(all) {
  const numbers = new Map();
  for (const { name } of all) numbers.set(name, (numbers.get(name) ?? 0) + 1);
  return [...numbers].map(([name, n]) => `${n} ${name}`).join(", ");
}
