// What the server is asked. Everything that goes wrong becomes an Error whose message is a sentence.

import { byId } from "./dom.js";

const TOKEN = "multibox-token";
const PATIENCE = 6; // times that a busy server is asked again

/** GET; query values that are empty are left out. */
export const get = async (path, query = {}, signal) => (await ask(withQuery(path, query), { signal })).json();

/** GET a picture. */
export const getBlob = async (path, query) => (await ask(withQuery(path, query), {})).blob();

/** POST form fields; blobs become files. */
export async function post(path, fields, signal) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) body.append(name, value, value.name ?? "picture");
    else if (value !== undefined && value !== null) body.append(name, value);
  }
  return (await ask(path, { method: "POST", body, signal })).json();
}

function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

async function ask(path, options) {
  for (let tries = 1; ; tries++) {
    const answer = await send(path, options);
    if (answer.ok) return answer;
    if (answer.status === 401) await askForToken(Boolean(sessionStorage.getItem(TOKEN)));
    else if (answer.status === 503 && tries < PATIENCE) await pause(Number(answer.headers.get("Retry-After")) || 1);
    else throw new Error(await reason(answer));
  }
}

async function send(path, options) {
  const token = sessionStorage.getItem(TOKEN);
  try {
    return await fetch(path, { ...options, headers: token ? { Authorization: `Bearer ${token}` } : {} });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is “multibox serve” still running?");
  }
}

const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * Math.min(seconds, 5)));

async function reason(answer) {
  try {
    const { error } = await answer.json();
    return capital(error.message);
  } catch {
    return `The server answered ${answer.status} ${answer.statusText} and no reason.`;
  }
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

let asking = null;

/** Ask for the token once, however many requests wait for it; it is kept until this tab is closed. */
function askForToken(wrong) {
  asking ??= new Promise((done, fail) => {
    const dialog = byId("token-dialog");
    byId("token-wrong").hidden = !wrong;
    dialog.addEventListener(
      "close",
      () => {
        asking = null;
        if (dialog.returnValue !== "use")
          return fail(new Error("The server wants a token. Reload the page to give one."));
        sessionStorage.setItem(TOKEN, byId("token").value.trim());
        done();
      },
      { once: true },
    );
    dialog.returnValue = "";
    dialog.showModal();
  });
  return asking;
}
