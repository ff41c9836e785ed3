// Says why the page stays empty when its modules cannot be loaded. It is no module, because those need a web server.

const SERVE =
  "This page needs a web server. Run: python -m http.server --directory FOLDER, then open http://127.0.0.1:8000";
const UPLOAD = "This page is incomplete. Upload the whole folder again, then reload the page.";

addEventListener("error", say, true);

/** @param {Event} event */
function say({ target }) {
  const problem = document.getElementById("page-error");
  if (problem && target instanceof HTMLScriptElement)
    problem.textContent = location.protocol === "file:" ? SERVE : UPLOAD;
}
