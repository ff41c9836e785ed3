// The dialog for the server's token.

import { showDialog } from "../shared/dialog.js";
import { byId } from "../shared/dom.js";

/**
 * Ask the user for the token.
 *
 * @param {boolean} rejected Whether the last token was wrong.
 * @returns {Promise<string>}
 */
export async function requestToken(rejected) {
  const dialog = byId("token-dialog", HTMLDialogElement);
  byId("token-wrong").hidden = !rejected;
  if ((await showDialog(dialog)) !== "use")
    throw new Error("This server requires a token. Reload the page to enter one.");
  return byId("token", HTMLInputElement).value.trim();
}
