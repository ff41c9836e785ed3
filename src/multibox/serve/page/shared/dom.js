// Small pieces of the document.

const SVG = "http://www.w3.org/2000/svg";

/** The element with an id. */
export const byId = (id) => document.getElementById(id);

/** An HTML element: h("button", { type: "button", onclick }, "Text", child). */
export function h(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

/** An SVG element, likewise. */
export function s(tag, attributes = {}, ...children) {
  return dress(document.createElementNS(SVG, tag), attributes, children);
}

function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "color") element.style.setProperty("--color", value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Put new children in place of the old; the focus goes to the one that bears the same data-key as before. */
export function fill(element, ...children) {
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  if (key !== undefined) element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** One call after the last of many. */
export function debounce(call, milliseconds) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), milliseconds);
  };
}

const said = debounce((text) => (byId("said").textContent = text), 350);

/** Tell a screen reader; of many in a row, the last. */
export const say = (text) => said(text);

/** A number for people: at most so many digits behind the point. */
export const round = (value, digits = 2) => Number(value).toFixed(digits);

/** "1 box", "2 boxes". */
export const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** A list of radio buttons that looks like one control; calls back with the value chosen. */
export function choices(name, options, chosen, onchoose) {
  return options.map(({ value, label, note, icon }) =>
    h(
      "label",
      { class: "choice" },
      h("input", {
        type: "radio",
        name,
        value,
        checked: value === chosen,
        "data-key": `${name}-${value}`,
        onchange: () => onchoose(value),
      }),
      icon ?? null,
      h("span", { class: "choice-text" }, h("span", {}, label), note ? h("small", {}, note) : null),
    ),
  );
}

/** A table with a caption, heads [text, isNumber], and rows of cells. */
export function table(caption, heads, rows) {
  const cell = (tag, content, number, scope) => h(tag, { class: number ? "number" : null, scope }, content);
  return h(
    "table",
    {},
    h("caption", {}, caption),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        heads.map(([text, number]) => cell("th", text, number, "col")),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) =>
        row instanceof Node
          ? row
          : h(
              "tr",
              {},
              row.map((content, i) => cell("td", content, heads[i][1])),
            ),
      ),
    ),
  );
}

/** Offer bytes as a file. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
