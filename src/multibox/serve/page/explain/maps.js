// Maps and priors: where the network looks.

import { get } from "../shared/api.js";
import { boxShape, captions, gridShape } from "../shared/boxes.js";
import { byId, choices, count, fill, h, round, s, say, table } from "../shared/dom.js";
import { cellAt, cellBox, ratioText, toPicture } from "./geometry.js";
import { colorOf, inkOf } from "../shared/palette.js";

const MOVES = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  Home: [0, -1e6],
  End: [0, 1e6],
  PageUp: [-1e6, 0],
  PageDown: [1e6, 0],
};

/** The part's behaviour, for explain.js. */
export function startMaps({ app, model, pictures, stage, draw, fail, explained, window }) {
  const cells = new Map(); // what the server said of a cell
  let map = model.maps[Math.min(2, model.maps.length - 1)];
  let cell = middle(map);
  let priors = [];
  let lit = null;
  let held = false;
  let seen = null;
  let found = [];

  byId("map-sum").textContent = `${model.maps
    .map(size)
    .map((n) => n.toLocaleString("en"))
    .join(" + ")} = ${count(model.priors, "prior")}`;
  renderMaps();

  function renderMaps() {
    fill(
      byId("map-choices"),
      choices(
        "map",
        model.maps.map((one, i) => ({
          value: i,
          label: `${one.height} × ${one.width} cells`,
          note: `${one.per_cell} priors a cell, ${size(one).toLocaleString("en")} in all`,
          icon: picto(one),
        })),
        model.maps.indexOf(map),
        (i) => {
          map = model.maps[i];
          turnTo(middle(map));
        },
      ),
    );
  }

  /** Go where the reader chose, and stay there when the detections come later. */
  function turnTo(where, spoken) {
    seen = pictures.current;
    go(where, spoken);
  }

  async function go(where, spoken = true) {
    cell = where;
    lit = null;
    const wanted = `${map.index} ${cell.row} ${cell.column}`;
    draw();
    try {
      if (!cells.has(wanted)) cells.set(wanted, await get("v1/explain/cell", { map: map.index, ...cell }));
    } catch (error) {
      return fail(error);
    }
    if (wanted !== `${map.index} ${cell.row} ${cell.column}`) return;
    priors = cells.get(wanted).priors;
    fail(null);
    renderCell();
    draw();
    if (spoken)
      say(`Row ${cell.row}, column ${cell.column} of ${map.height} by ${map.width}: ${count(priors.length, "prior")}.`);
  }

  function renderCell() {
    byId("cell-name").textContent = `Cell: row ${cell.row}, column ${cell.column}`;
    const number = (i) => h("span", { class: "tag", color: colorOf(i) }, i + 1);
    fill(
      byId("cell-priors"),
      table(
        "Its priors; pixels are those of the network’s input",
        [["Prior"], ["Width : height"], ["Pixels", true], ["Index", true]],
        priors.map((prior, i) =>
          h(
            "tr",
            { onmouseenter: () => light(i), onmouseleave: () => light(null) },
            h("td", {}, number(i)),
            h("td", {}, ratioText(prior.ratio)),
            h("td", { class: "number" }, prior.pixels.map((value) => round(value, 0)).join(" × ")),
            h("td", { class: "number" }, prior.index.toLocaleString("en")),
          ),
        ),
      ),
    );
  }

  function hold(on) {
    held = on;
    byId("cell-held").textContent = held ? "Held. Click it again, or press Escape, to follow the pointer." : "";
  }

  function light(i) {
    lit = i;
    draw();
  }

  function shapes() {
    const inside = window();
    const here = cellBox(map, cell.row, cell.column, inside);
    const boxes = priors.map((prior, i) => ({
      box: toPicture(prior.box_rel, inside),
      text: String(i + 1),
      color: colorOf(i),
      ink: inkOf(i),
    }));
    const dots = found.filter(({ prior }) => prior.map === map.index).map((one) => dot(one, inside));
    return [
      gridShape(map.height, map.width, inside, map.width > 24 ? "fine" : ""),
      boxShape(here, { color: "var(--accent)", kind: "cell" }),
      ...dots,
      ...boxes.map(({ box, color }, i) =>
        boxShape(box, { color, kind: `prior ${lit === null ? "" : lit === i ? "lit" : "dim"}` }),
      ),
      ...captions(lit === null ? boxes : [boxes[lit]], stage.scale, [Infinity, Infinity]),
    ];
  }

  /** Begin where something was found. */
  function lookAt(prior) {
    map = model.maps[prior.map];
    renderMaps();
    go({ row: prior.row, column: prior.column }, false);
  }

  function dot(one, inside) {
    const [x0, y0, x1, y1] = cellBox(map, one.prior.row, one.prior.column, inside);
    return s(
      "circle",
      { class: "dot", color: colorOf(one.label), cx: (x0 + x1) / 2, cy: (y0 + y1) / 2, r: 5 / stage.scale },
      s("title", {}, `${one.name} ${round(one.score)} was found from this cell`),
    );
  }

  return {
    async enter(picture) {
      found = [];
      go(cell, false);
      const answer = await explained(picture);
      if (picture !== pictures.current) return;
      found = answer.detections.filter((one) => app.thresholds.shows(one));
      if (seen !== picture && found.length && !held) lookAt(found[0].prior);
      seen = picture;
      byId("map-dots").textContent = found.length
        ? `A dot marks a cell whose prior became one of the ${count(found.length, "detection")}.`
        : "";
      draw();
    },
    shapes,
    keys(event) {
      const move = MOVES[event.key];
      const step = event.shiftKey ? 5 : 1;
      if (event.key === "Escape") hold(false);
      if (!move) return event.key === "Escape";
      hold(true);
      turnTo({
        row: between(cell.row + step * move[0], map.height),
        column: between(cell.column + step * move[1], map.width),
      });
      return true;
    },
    hover({ point }) {
      const at = held ? null : cellAt(map, point, window());
      if (at && (at.row !== cell.row || at.column !== cell.column)) turnTo(at, false);
    },
    pick({ point }) {
      const at = cellAt(map, point, window());
      if (!at) return;
      hold(!held || at.row !== cell.row || at.column !== cell.column);
      turnTo(at);
    },
  };
}

const size = ({ height, width, per_cell: perCell }) => height * width * perCell;
const middle = ({ height, width }) => ({ row: Math.floor(height / 2), column: Math.floor(width / 2) });
const between = (value, length) => Math.min(length - 1, Math.max(0, value));

/** A small picture of a map. */
function picto({ height, width }) {
  return s(
    "svg",
    { class: "picto", viewBox: "-1 -1 42 42", "aria-hidden": "true" },
    gridShape(height, width, [0, 0, 40, 40]),
  );
}
