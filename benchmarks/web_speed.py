"""How fast an exported site detects in Chromium, beside the bare call of ONNX Runtime Web.

    python benchmarks/web_speed.py SITE IMAGE... [--rounds 5] [--threads 2]

SITE is a folder of `multibox export --format web`. Two measures, each in turns with a page that only loads the runtime
and the model, makes a session and runs the network on one input:

- Seconds to the first result, in a new browser each time: from the start of the navigation to the frame after the
  result is in the document, by the page's own clock. The site gets its image file when it can take one.
- Milliseconds an image after that, on one page.

The site's include decoding the image file, resizing, decoding boxes, NMS and, the first time, drawing. With `--threads`
above 1 the host sends the headers that threads need. A quiet machine is needed, and `playwright` with Debian's
Chromium.
"""

import argparse
import base64
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from static_site import blocked_browser, serve_folder

ISOLATED = (("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Embedder-Policy", "require-corp"))
"""Headers of a host that lets a page have several threads."""

PROMISED = 0.85
"""Share of the bare call's speed."""

BARE_HTML = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="bare.js"></script><p>Bare</p>'

BARE_JS = """
import * as ort from "./runtime/ort.wasm.min.mjs";
const { schema } = await (await fetch("model/model.json")).json();
const shape = [1, ...schema.network.size, 3];
const input = new Uint8Array(shape[1] * shape[2] * 3).map((_, i) => (i * 7919) % 256);
ort.env.wasm.wasmPaths = new URL("./runtime/", import.meta.url).href;
ort.env.wasm.numThreads = Number(new URLSearchParams(location.search).get("threads"));
const session = await ort.InferenceSession.create("model/model.onnx", { executionProviders: ["wasm"] });
window.detect = () => session.run({ image: new ort.Tensor("uint8", input, shape) });
await window.detect();
document.body.dataset.first = "true";
"""

RUN_BOTH = """async ([files, count]) => {
  const { LocalDetector } = await import("./local/detector.js");
  const detector = new LocalDetector();
  const images = files.map((held, i) => new File([Uint8Array.fromBase64(held)], `${i}`));
  await detector.detect(images[0], 0.05);
  const spans = [];
  for (let i = 0; i < count; i++) {
    const begin = performance.now();
    await window.detect();
    const between = performance.now();
    await detector.detect(images[i % images.length], 0.05);
    spans.push([between - begin, performance.now() - between]);
  }
  return spans;
}"""
"""Milliseconds of the bare call and of the site's detector, in turns."""


WATCH = """([image, result]) => {
  const give = () => {
    const chosen = new DataTransfer();
    chosen.items.add(new File([Uint8Array.fromBase64(image)], "image.jpg", { type: "image/jpeg" }));
    const input = document.getElementById("files");
    input.files = chosen.files;
    input.dispatchEvent(new Event("change"));
    image = null;
  };
  window.milliseconds = new Promise((done) => {
    new MutationObserver((_, observer) => {
      if (image && document.body?.dataset.ready) give();
      if (!document.querySelector(result)) return;
      observer.disconnect();
      requestAnimationFrame(() => done(performance.now()));
    }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  });
}"""
"""Gives an image file, if any, to a page that can take one, and notes when the page has its result."""


@contextmanager
def opened() -> Iterator[Page]:
    """A page of a new browser."""
    with blocked_browser() as browser:
        page = browser.new_page()
        page.set_default_timeout(300_000)
        yield page


def measure_first(page: Page, url: str, image: Path | None, result: str) -> float:
    """Seconds until a page has its first result, an element that this selector finds."""
    held = image and base64.b64encode(image.read_bytes()).decode()
    page.add_init_script(f"({WATCH})({json.dumps([held, result])})")
    page.goto(url)
    return page.evaluate("window.milliseconds") / 1000


def measure_bare(page: Page, url: str, threads: int) -> float:
    """Seconds to the first outputs of the bare call."""
    return measure_first(page, f"{url}/bare.html?threads={threads}", None, "body[data-first]")


def measure_site(page: Page, url: str, image: Path) -> float:
    """Seconds until the page shows the detections of its first image."""
    return measure_first(page, url, image, "#found-count:not(:empty)")


def measure_spans(page: Page, url: str, images: list[Path], given: argparse.Namespace) -> list[tuple[float, float]]:
    """Milliseconds of the bare call and of the site's detector, from image file to detections, in turns on one page."""
    measure_bare(page, url, given.threads)
    held = [base64.b64encode(path.read_bytes()).decode() for path in images]
    return page.evaluate(RUN_BOTH, [held, given.count])


def main() -> None:
    """Measure in turns, and print medians as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=40, help="images after the first")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    first: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(given.site, Path(folder) / "site"))
        (copy / "bare.html").write_text(BARE_HTML)
        (copy / "bare.js").write_text(BARE_JS)
        with serve_folder(copy, ISOLATED if given.threads > 1 else ()) as url:
            for _ in range(given.rounds):
                with opened() as page:
                    bare = measure_bare(page, url, given.threads)
                with opened() as page:
                    first.append((bare, measure_site(page, url, given.images[0])))
            with opened() as page:
                spans = measure_spans(page, url, given.images, given)
    print(json.dumps({**summary("first_seconds", first), **summary("ms", spans), "promised": PROMISED}, indent=1))


def summary(name: str, pairs: list[tuple[float, float]]) -> dict[str, float]:
    """Medians of the bare call and of the site, and the median of the bare call's share of the site's time."""
    bare, site = (statistics.median(values) for values in zip(*pairs, strict=True))
    share = statistics.median(one / other for one, other in pairs)
    return {f"bare_{name}": round(bare, 2), f"site_{name}": round(site, 2), f"share_{name}": round(share, 3)}


if __name__ == "__main__":
    main()
