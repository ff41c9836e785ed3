// The filters of a dataset's images.

/** @import { Dataset, Mistake } from "../shared/api.d.ts" */

import { byId, fill, h } from "../shared/dom.js";

export class DatasetFilters {
  #data = byId("filter-data", HTMLSelectElement);
  #split = byId("filter-split", HTMLSelectElement);
  #class = byId("filter-class", HTMLSelectElement);
  #size = byId("filter-size", HTMLSelectElement);
  #mistake = byId("filter-mistake", HTMLSelectElement);
  /** @type {Dataset[]} */
  #datasets = [];

  /** @param {() => void} onchange Called when the user has changed a filter. */
  constructor(onchange) {
    this.#data.addEventListener("change", () => this.#setSplits());
    this.#split.addEventListener("change", () => this.#setClasses());
    const form = byId("filters");
    form.addEventListener("change", onchange); // after the listeners of its fields
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** @param {Dataset[]} datasets */
  setDatasets(datasets) {
    this.#datasets = datasets;
    fillOptions(this.#data, [...new Set(datasets.map(({ name }) => partsOf(name)[0]))]);
    this.#setSplits();
  }

  /** The selected dataset. */
  get dataset() {
    const name = `${this.#data.value}/${this.#split.value}`;
    const dataset = this.#datasets.find((one) => one.name === name);
    if (!dataset) throw new Error(`There is no dataset ${name}.`);
    return dataset;
  }

  /** @returns {Mistake | ""} */
  get mistake() {
    return /** @type {Mistake | ""} */ (this.#mistake.value);
  }

  get query() {
    return {
      data: this.dataset.name,
      class: this.#class.value,
      size: this.#size.value,
      mistake: this.mistake,
    };
  }

  #setSplits() {
    const splits = this.#datasets.map(({ name }) => partsOf(name)).filter(([data]) => data === this.#data.value);
    fillOptions(
      this.#split,
      splits.map(([, split]) => split),
    );
    this.#setClasses();
  }

  #setClasses() {
    const kept = this.#class.value;
    const { classes, mistakes } = this.dataset;
    fillOptions(this.#class, classes, h("option", { value: "" }, "all"));
    if (classes.includes(kept)) this.#class.value = kept;
    this.#mistake.disabled = !mistakes;
    if (!mistakes) this.#mistake.value = "";
    byId("no-mistakes").hidden = mistakes;
  }
}

/**
 * Split NAME/SPLIT at its last slash.
 *
 * @param {string} name
 */
function partsOf(name) {
  const slash = name.lastIndexOf("/");
  return [name.slice(0, slash), name.slice(slash + 1)];
}

/**
 * @param {HTMLSelectElement} select
 * @param {string[]} names
 * @param {HTMLOptionElement[]} first
 */
function fillOptions(select, names, ...first) {
  fill(
    select,
    first,
    names.map((name) => h("option", {}, name)),
  );
}
