// Dialogs.

/**
 * Show a dialog until it is closed.
 *
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<string>} The value of the button that closed it. Empty if it was dismissed.
 */
export function showDialog(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }));
}
