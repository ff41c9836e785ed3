// Elements of the document.

/** @typedef {Node | string | number | null | undefined | false} Leaf Null, undefined and false add nothing. */
/** @typedef {Leaf | Leaf[]} Child */
/** @typedef {string | number | boolean | null | undefined | ((event: any) => void)} Attribute */
/** @typedef {Record<string, Attribute>} Attributes "onclick" adds a listener, "color" sets --color. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Find an element of the page.
 *
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @param {new () => E} [kind] Class of the element, such as HTMLInputElement.
 * @returns {E}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof (kind ?? HTMLElement))) throw new Error(`index.html has no element "${id}" of this kind.`);
  return /** @type {E} */ (element);
}

/**
 * Make an HTML element, such as h("button", { type: "button", onclick }, "Text", child).
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {Child[]} children
 */
export function h(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

/**
 * Make an SVG element in the same way.
 *
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {Child[]} children
 */
export function s(tag, attributes = {}, ...children) {
  return dress(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * Make a button that does not submit a form.
 *
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
export const button = (attributes, ...children) => h("button", { type: "button", ...attributes }, ...children);

/**
 * Replace the children of an element. The focus moves to the new child with the same data-key.
 *
 * @param {HTMLElement} element
 * @param {Child[]} children
 */
export function fill(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const key = focused instanceof HTMLElement ? focused.dataset.key : undefined;
  element.replaceChildren(...present(children));
  if (key === undefined) return;
  const again = element.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
}

/**
 * Mark an element of a navigation as the current one, or remove the mark.
 *
 * @param {HTMLElement} element
 * @param {"page" | "step" | null} kind
 */
export function setCurrent(element, kind) {
  if (kind) element.setAttribute("aria-current", kind);
  else element.removeAttribute("aria-current");
}

/**
 * @template {HTMLElement | SVGElement} E
 * @param {E} element
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice("on".length), value);
    else if (name === "color") element.style.setProperty("--color", `${value}`);
    else element.setAttribute(name, value === true ? "" : `${value}`);
  }
  element.append(...present(children));
  return element;
}

/** @param {Child[]} children */
function present(children) {
  return children
    .flat()
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : `${child}`));
}
