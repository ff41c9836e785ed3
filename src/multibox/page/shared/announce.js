// Announcements for screen readers.

import { byId } from "./dom.js";
import { debounce } from "./timing.js";

/** Announce a text. Of many in a row, only the last is announced. */
export const announce = debounce((/** @type {string} */ text) => (byId("announcement").textContent = text), 350);
