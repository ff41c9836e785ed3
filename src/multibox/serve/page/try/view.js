// Try: pictures in, boxes out.

import { boxShape, captions, paint } from "../shared/boxes.js";
import { openCamera } from "./camera.js";
import { byId, count, debounce, fill, h, round, save, say } from "../shared/dom.js";
import { colorOf, inkOf } from "../shared/palette.js";
import { Stage } from "../shared/stage.js";

/** Bring the view to life; `app` holds the model, the pictures and the thresholds. */
export function startTry(app) {
  const { pictures, thresholds, model } = app;
  const stage = new Stage(byId("try-stage"), {
    label: "Picture with the boxes found. Plus and minus zoom, 0 fits, arrows move",
  });
  const slider = byId("score");
  const number = byId("score-number");
  const own = byId("own-thresholds");
  let seen = null;
  let lit = null;
  let notice = "";

  byId("files").addEventListener("change", ({ target }) => {
    open([...target.files]);
    target.value = "";
  });
  byId("camera").hidden = !navigator.mediaDevices?.getUserMedia;
  byId("camera").addEventListener("click", async () => {
    const blob = await openCamera(fail);
    if (blob)
      open([
        new File([blob], `camera-${new Date().toISOString().slice(11, 19).replaceAll(":", "-")}.jpg`, {
          type: "image/jpeg",
        }),
      ]);
  });
  byId("more").addEventListener("click", () => byId("files").click());
  acceptDrops(open);

  own.closest("label").hidden = !thresholds.own;
  own.checked = thresholds.own;
  own.addEventListener("change", () => setOwn(own.checked));
  for (const control of [slider, number]) control.addEventListener("input", () => setScore(Number(control.value)));
  byId("all-classes").addEventListener("click", () => setHidden([]));
  byId("no-classes").addEventListener("click", () => setHidden(model.classes));
  byId("save-json").addEventListener("click", saveJson);
  byId("save-picture").addEventListener("click", savePicture);
  byId("to-explain").addEventListener("click", () => (location.hash = "#explain/detection"));
  stage.addEventListener("view", draw);
  pictures.addEventListener("change", render);
  showScore();
  render();

  async function open(files) {
    const images = files.filter((file) => !file.type || file.type.startsWith("image/"));
    notice =
      images.length < files.length
        ? `${count(files.length - images.length, "file is not a picture and was", "files are not pictures and were")} left out.`
        : "";
    fail(notice);
    if (!images.length) return;
    location.hash = "#try";
    say(`${count(images.length, "picture")} opened; detecting.`);
    await pictures.open(images.map((file) => ({ blob: file, name: file.name || "pasted picture" })));
  }

  function fail(message) {
    byId("try-error").textContent = message;
  }

  function setScore(score) {
    if (!(score >= 0 && score <= 1)) return;
    thresholds.score = score;
    thresholds.own = own.checked = false;
    showScore();
    render();
    tell();
  }

  function setOwn(on) {
    thresholds.own = on;
    render();
    tell();
  }

  function setHidden(names) {
    thresholds.hidden = new Set(names);
    render();
    tell();
  }

  function showScore() {
    slider.value = thresholds.score;
    if (document.activeElement !== number) number.value = round(thresholds.score, 2);
  }

  function shown() {
    return (pictures.current?.detections ?? []).filter((found) => thresholds.shows(found));
  }

  function tell() {
    const all = pictures.current?.detections.length ?? 0;
    say(`${shown().length} of ${count(all, "detection")} shown.`);
  }

  function render() {
    const picture = pictures.current;
    byId("try").classList.toggle("empty", !picture);
    byId("try-work").hidden = !picture;
    renderStrip();
    if (!picture) return (seen = null);
    if (seen?.picture !== picture || seen.width !== picture.width) {
      stage.show(picture);
      lit = null;
    }
    if (seen?.picture !== picture || seen.status !== picture.status) announce(picture);
    seen = { picture, width: picture.width, status: picture.status };
    fail(picture.error ?? notice);
    byId("try-stage").classList.toggle("waiting", picture.status === "waiting");
    renderClasses(picture);
    renderList();
    renderTimings(picture);
    draw();
  }

  function announce({ status, name, detections }) {
    if (status === "done") say(`${name}: ${count(shown().length, "detection")} shown of ${detections.length}.`);
  }

  function renderStrip() {
    const several = pictures.list.length > 0;
    byId("strip").hidden = !several;
    fill(
      byId("strip"),
      pictures.list.map((picture) =>
        h(
          "li",
          {},
          h(
            "button",
            {
              type: "button",
              class: "thumb",
              "aria-current": picture === pictures.current ? "true" : null,
              "aria-label": `${picture.name}, ${state(picture)}`,
              title: picture.name,
              "data-key": `show-${picture.key}`,
              onclick: () => pictures.choose(picture),
            },
            h("img", { src: picture.url, alt: "" }),
          ),
          h(
            "button",
            {
              type: "button",
              class: "close",
              "aria-label": `Close ${picture.name}`,
              title: "Close",
              "data-key": `close-${picture.key}`,
              onclick: () => pictures.close(picture),
            },
            "×",
          ),
        ),
      ),
    );
  }

  function state(picture) {
    if (picture.status === "done")
      return count(picture.detections.filter((one) => thresholds.shows(one)).length, "detection");
    return picture.status === "failed" ? "failed" : "waiting";
  }

  function renderClasses({ detections }) {
    const passing = new Map();
    for (const found of detections) {
      if (!passing.has(found.name)) passing.set(found.name, { label: found.label, shown: 0 });
      if (thresholds.passes(found)) passing.get(found.name).shown++;
    }
    const rows = [...passing].sort((a, b) => b[1].shown - a[1].shown || a[1].label - b[1].label);
    byId("class-tools").hidden = rows.length < 2;
    fill(
      byId("classes"),
      rows.length
        ? rows.map(([name, { label, shown: n }]) =>
            h(
              "label",
              { class: "class", color: colorOf(label) },
              h("input", {
                type: "checkbox",
                checked: !thresholds.hidden.has(name),
                "data-key": name,
                onchange: ({ target }) => {
                  target.checked ? thresholds.hidden.delete(name) : thresholds.hidden.add(name);
                  render();
                  tell();
                },
              }),
              h("span", { class: "swatch" }),
              h("span", {}, name),
              h("span", { class: "tally" }, n),
            ),
          )
        : h("p", { class: "soft" }, "None yet."),
    );
  }

  function renderList() {
    const found = shown();
    const { detections, status } = pictures.current;
    const all = detections.length;
    byId("found-count").textContent = status === "done" ? `${found.length} of ${all}` : "";
    const nothing = {
      waiting: "Detecting…",
      failed: "No detections: the picture was refused.",
      done: all
        ? "Nothing at this score. Lower the threshold, or switch a class on."
        : "Nothing was found in this picture.",
    }[status];
    fill(
      byId("found"),
      found.map((one, i) =>
        h(
          "li",
          { color: colorOf(one.label) },
          h(
            "button",
            {
              type: "button",
              class: "found",
              "data-key": i,
              "aria-label": sentence(one),
              onmouseenter: () => light(one),
              onmouseleave: () => light(null),
              onfocus: () => light(one),
              onblur: () => light(null),
              onclick: () => explain(one),
            },
            h("span", { class: "swatch" }),
            h("span", { class: "name" }, one.name),
            h("span", { class: "score" }, round(one.score)),
            h("span", { class: "where" }, one.box.map((value) => round(value, 0)).join(", ")),
          ),
        ),
      ),
      found.length ? null : h("li", { class: "soft" }, nothing),
    );
  }

  function sentence({ name, score, box }) {
    const [x0, y0, x1, y1] = box.map((value) => round(value, 0));
    return `${name}, score ${round(score)}, from ${x0}, ${y0} to ${x1}, ${y1}. Explain it`;
  }

  function renderTimings({ timings, width, height }) {
    const parts = timings
      ? [
          ["Reading the picture", timings.decode],
          ["Waiting in the queue", timings.queue],
          ["Network and boxes", timings.network],
          ["On the server", timings.total],
          ["Seen from here", timings.page],
        ]
      : [];
    fill(
      byId("timings"),
      parts
        .filter(([, ms]) => Number.isFinite(ms))
        .flatMap(([name, ms]) => [h("dt", {}, name), h("dd", {}, `${round(ms, 1)} ms`)]),
      timings ? [h("dt", {}, "Picture"), h("dd", {}, `${width} × ${height}`)] : [],
    );
  }

  function light(found) {
    lit = found;
    draw();
  }

  function explain(found) {
    app.explained = found;
    location.hash = "#explain/detection";
  }

  function draw() {
    if (!pictures.current) return;
    const found = shown();
    const items = found.map((one) => ({
      one,
      box: one.box,
      text: `${one.name} ${round(one.score)}`,
      color: colorOf(one.label),
      ink: inkOf(one.label),
    }));
    const named = lit && found.includes(lit) ? items.filter(({ one }) => one === lit) : items;
    stage.drawing.replaceChildren(
      ...[...items]
        .reverse()
        .map(({ one, color, text }) =>
          boxShape(one.box, {
            color,
            title: text,
            kind: one === lit ? "lit" : lit && found.includes(lit) ? "dim" : "",
          }),
        ),
      ...captions(named, stage.scale, stage.size),
    );
  }

  function saveJson() {
    const results = pictures.list
      .filter(({ status }) => status === "done")
      .map(({ name, width, height, detections }) => ({
        name,
        width,
        height,
        detections: detections.filter((one) => thresholds.shows(one)),
      }));
    save(
      new Blob([JSON.stringify({ model: model.name, results }, null, 1)], { type: "application/json" }),
      "detections.json",
    );
  }

  async function savePicture() {
    const picture = pictures.current;
    try {
      const boxes = shown().map((one) => ({
        box: one.box,
        text: `${one.name} ${round(one.score)}`,
        color: colorOf(one.label),
        ink: inkOf(one.label),
      }));
      save(await paint(picture, boxes), `${picture.name.replace(/\.\w+$/, "")}-detections.jpg`);
    } catch {
      fail("This browser cannot draw the picture; download the JSON instead.");
    }
  }
}

/** Pictures that are dropped anywhere on the page or pasted into it. */
function acceptDrops(open) {
  const over = (on) => document.body.classList.toggle("dropping", on);
  const calm = debounce(() => over(false), 200);
  addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    over(true);
    calm();
  });
  addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    over(false);
    open([...event.dataTransfer.files]);
  });
  addEventListener("paste", (event) => event.clipboardData?.files.length && open([...event.clipboardData.files]));
}
