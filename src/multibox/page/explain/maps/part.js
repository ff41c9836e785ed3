// Maps and priors: the cells of a feature map, the priors of each, and the cells that detections come from.

/** @import { CellPlace, CellPrior, ExplainedDetection, FeatureMap, Point } from "../../shared/api.d.ts" */
/** @import { OpenImage } from "../../shared/images.js" */
/** @import { Pointed } from "../../shared/stage.js" */
/** @import { Context } from "../part.js" */

import { announce } from "../../shared/announce.js";
import { boxShape, gridShape } from "../../shared/boxes.js";
import { byId } from "../../shared/dom.js";
import { count } from "../../shared/text.js";
import { cellAt, cellBox } from "../geometry.js";
import { Part } from "../part.js";
import { priorShapes, renderCell } from "./cell.js";
import { renderMapChoices, renderPriorSum } from "./choices.js";
import { dotShapes, renderDotNote } from "./dots.js";

const FINE = 24; // most cells per row for thick lines of the grid
const FIRST_MAP = 2; // neither the finest nor the coarsest
const SHIFTED = 5; // cells that an arrow key moves with Shift
const TO_THE_EDGE = 1e6; // cells, more than any map has
/** @type {Record<string, [rows: number, columns: number]>} */
const MOVES = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  Home: [0, -TO_THE_EDGE],
  End: [0, TO_THE_EDGE],
  PageUp: [-TO_THE_EDGE, 0],
  PageDown: [TO_THE_EDGE, 0],
};

export class MapsPart extends Part {
  /** @type {Map<string, CellPrior[]>} The priors of each cell that has been shown. */
  #known = new Map();
  /** @type {FeatureMap} */
  #map;
  /** @type {CellPlace} */
  #cell;
  /** @type {CellPrior[]} */
  #priors = [];
  /** @type {number | null} The position of the prior that is pointed at. */
  #highlighted = null;
  /** Whether the cell stays when the pointer moves. */
  #held = false;
  /** @type {OpenImage | null} The image for which the user has chosen a cell. */
  #visited = null;
  /** @type {ExplainedDetection[]} */
  #detections = [];

  /** @param {Context} context */
  constructor(context) {
    super(context);
    const { maps } = context.app.model;
    this.#map = maps[Math.min(FIRST_MAP, maps.length - 1)];
    this.#cell = middleOf(this.#map);
    renderPriorSum(maps);
    this.#renderChoices();
  }

  /**
   * @override
   * @param {OpenImage} image
   */
  async enter(image) {
    this.#detections = [];
    this.#go(this.#cell, false);
    const answer = await this.context.explanations.of(image);
    if (!this.isCurrent(image)) return;
    const { thresholds } = this.context.app;
    this.#detections = answer.detections.filter((one) => thresholds.shows(one));
    if (this.#visited !== image && this.#detections.length && !this.#held) this.#goToPrior(this.#detections[0]);
    this.#visited = image;
    renderDotNote(this.#detections.length);
    this.context.draw();
  }

  /** @override */
  shapes() {
    const { window } = this;
    const { stage } = this.context;
    return [
      gridShape(this.#map, window, this.#map.width > FINE ? "fine" : ""),
      boxShape(cellBox(this.#map, this.#cell, window), { color: "var(--accent)", kind: "cell" }),
      ...dotShapes(this.#detections, this.#map, window, stage.scale),
      ...priorShapes(this.#priors, this.#highlighted, window, stage),
    ];
  }

  /**
   * @override
   * @param {KeyboardEvent} event
   */
  keys({ key, shiftKey }) {
    if (key === "Escape") this.#hold(false);
    if (!MOVES[key]) return key === "Escape";
    const [rows, columns] = MOVES[key].map((cells) => cells * (shiftKey ? SHIFTED : 1));
    this.#hold(true);
    this.#visit({
      row: within(this.#cell.row + rows, this.#map.height),
      column: within(this.#cell.column + columns, this.#map.width),
    });
    return true;
  }

  /**
   * @override
   * @param {Point} point
   */
  hover(point) {
    const cell = this.#held ? null : cellAt(this.#map, point, this.window);
    if (cell && !same(cell, this.#cell)) this.#visit(cell, false);
  }

  /**
   * @override
   * @param {Pointed} pointed
   */
  pick({ point }) {
    const cell = cellAt(this.#map, point, this.window);
    if (!cell) return;
    this.#hold(!this.#held || !same(cell, this.#cell));
    this.#visit(cell);
  }

  #renderChoices() {
    renderMapChoices(this.context.app.model.maps, this.#map, (map) => {
      this.#map = map;
      this.#visit(middleOf(map));
    });
  }

  /**
   * Go to a cell that the user chose. Detections that arrive later do not move it.
   *
   * @param {CellPlace} cell
   */
  #visit(cell, spoken = true) {
    this.#visited = this.context.app.images.current;
    this.#go(cell, spoken);
  }

  /**
   * Go to the cell of a detection.
   *
   * @param {ExplainedDetection} detection
   */
  #goToPrior({ prior: { map, row, column } }) {
    this.#map = this.context.app.model.maps[map];
    this.#renderChoices();
    this.#go({ row, column }, false);
  }

  /**
   * @param {CellPlace} cell
   * @param {boolean} spoken Whether to announce it.
   */
  async #go(cell, spoken) {
    const map = this.#map;
    this.#cell = cell;
    this.#highlighted = null;
    this.context.draw();
    try {
      const priors = await this.#priorsOf(map, cell);
      if (map !== this.#map || cell !== this.#cell) return;
      this.#priors = priors;
      this.context.fail(null);
      renderCell(cell, priors, (i) => this.#highlight(i));
      this.context.draw();
      const place = `Row ${cell.row}, column ${cell.column} of ${map.height} by ${map.width}`;
      if (spoken) announce(`${place}: ${count(priors.length, "prior")}.`);
    } catch (error) {
      this.context.fail(error);
    }
  }

  /**
   * @param {FeatureMap} map
   * @param {CellPlace} cell
   */
  async #priorsOf(map, cell) {
    const key = `${map.index} ${cell.row} ${cell.column}`;
    const priors = this.#known.get(key) ?? (await this.context.app.api.cell(map.index, cell)).priors;
    this.#known.set(key, priors);
    return priors;
  }

  /** @param {boolean} on */
  #hold(on) {
    this.#held = on;
    byId("cell-held").textContent = on ? "The cell is held. Click it again or press Escape to follow the pointer." : "";
  }

  /** @param {number | null} i */
  #highlight(i) {
    this.#highlighted = i;
    this.context.draw();
  }
}

/**
 * @param {FeatureMap} map
 * @returns {CellPlace}
 */
const middleOf = ({ height, width }) => ({ row: Math.floor(height / 2), column: Math.floor(width / 2) });

/**
 * @param {number} value
 * @param {number} length
 */
const within = (value, length) => Math.min(length - 1, Math.max(0, value));

/**
 * @param {CellPlace} a
 * @param {CellPlace} b
 */
const same = (a, b) => a.row === b.row && a.column === b.column;
