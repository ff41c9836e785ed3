// The service worker of a site: keeps all of its files, so that the page works offline after one load.
//
// The export writes the constants VERSION and FILES before this text. A changed site has another worker, which the
// browser installs beside the old one. It takes over when the page is loaded next and no other tab shows it.

/** @type {Record<string, string>} The SHA-256 of each file of the site, by path. */
const files = FILES;
const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const { scope } = worker.registration;
const PREFIX = `multibox ${scope} `; // all sites of a host share its caches
const NAME = PREFIX + VERSION;

/** What the host of a static site may not send. With the first two, the network may run in several threads. */
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
};

worker.addEventListener("install", (event) => event.waitUntil(keep()));
worker.addEventListener("activate", (event) => event.waitUntil(forget()));
worker.addEventListener("message", ({ data }) => data === "take over" && worker.skipWaiting());
worker.addEventListener("fetch", (event) => {
  const name = nameOf(event.request);
  if (name !== null) event.respondWith(answer(event.request, name));
});

/** Fetch all files. */
async function keep() {
  const cache = await caches.open(NAME);
  await Promise.all(Object.keys(files).map(async (name) => cache.put(addressOf(name), await verified(name))));
}

/**
 * Fetch a file and verify it: a host that is just being updated may send one of an older site.
 *
 * @param {string} name
 */
async function verified(name) {
  const response = await fetch(addressOf(name), { cache: "no-cache" });
  const content = await response.arrayBuffer();
  if (!response.ok || hex(await crypto.subtle.digest("SHA-256", content)) !== files[name])
    throw new Error(`${name} is not the file that was exported, so the page will not work offline.`);
  const type = response.headers.get("Content-Type") ?? "application/octet-stream";
  return new Response(content, { headers: { ...HEADERS, "Content-Type": type } });
}

/** Delete the files of earlier versions. */
async function forget() {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/**
 * The file of the site that a request is for. Null for other requests.
 *
 * @param {Request} request
 */
function nameOf({ method, url }) {
  if (method !== "GET" || !url.startsWith(scope)) return null;
  const name = new URL(url).pathname.slice(new URL(scope).pathname.length) || "index.html";
  return Object.hasOwn(files, name) ? name : null;
}

/** A page that is loaded again as soon as the new worker has taken over, or after five seconds. */
const CHANGING = `<!doctype html><link rel="icon" href="data:,"><script type="module">
  const registration = await navigator.serviceWorker.getRegistration();
  const end = Date.now() + 5000;
  while ((registration?.waiting || registration?.active?.state !== "activated") && Date.now() < end)
    await new Promise((resume) => setTimeout(resume, 20));
  location.reload();
</script>`;

let asked = false; // whether the new worker was told to take over; if it does not, this one goes on

/**
 * @param {Request} request
 * @param {string} name
 */
async function answer(request, name) {
  const { waiting } = worker.registration;
  if (waiting && !asked && request.mode === "navigate" && (await worker.clients.matchAll()).length < 2) {
    asked = true;
    waiting.postMessage("take over");
    return new Response(CHANGING, { headers: { "Content-Type": "text/html" } });
  }
  return (await (await caches.open(NAME)).match(addressOf(name))) ?? fetch(request);
}

/** @param {string} name */
const addressOf = (name) => new URL(name, scope).href;

/** @param {ArrayBuffer} bytes */
const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
