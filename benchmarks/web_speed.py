"""How fast an exported site detects in Chromium, beside the bare call of ONNX Runtime Web.

    python benchmarks/web_speed.py SITE IMAGE... [--rounds 5] [--threads 2]

SITE is a folder of `multibox export --format web`. Two pages of one folder take turns, each in a new browser with
nothing kept: the site, and one that only makes a session and runs the network on one input. Of both: seconds from the
address to the first result, and images a second after it. The site's include reading the image file, resizing, decoding
and NMS. With `--threads` above 1 the host sends the headers that threads need. A quiet machine is needed, and
`playwright` with Debian's Chromium.
"""

import argparse
import base64
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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

RUN_BARE = """async (count) => {
  const begin = performance.now();
  for (let i = 0; i < count; i++) await window.detect();
  return performance.now() - begin;
}"""

OPEN_SITE = """async (files) => {
  const { LocalDetector } = await import("./local/detector.js");
  window.detector = new LocalDetector();
  window.files = files.map((held, i) => new File([Uint8Array.fromBase64(held)], `${i}`));
  await window.detector.detect(window.files[0], 0.05);
}"""

RUN_SITE = """async (count) => {
  const begin = performance.now();
  for (let i = 0; i < count; i++) await window.detector.detect(window.files[i % window.files.length], 0.05);
  return performance.now() - begin;
}"""


@contextmanager
def opened() -> Iterator[Page]:
    """A page of a new browser."""
    with blocked_browser() as browser:
        page = browser.new_page()
        page.set_default_timeout(300_000)
        yield page


def measure_bare(page: Page, url: str, count: int, threads: int) -> tuple[float, float]:
    """Seconds to the first outputs, and images a second after them."""
    begin = time.perf_counter()
    page.goto(f"{url}/bare.html?threads={threads}")
    page.wait_for_selector("body[data-first]")
    first = time.perf_counter() - begin
    return first, 1000 * count / page.evaluate(RUN_BARE, count)


def measure_first(page: Page, url: str, image: Path) -> float:
    """Seconds until the page shows the detections of its first image, which is chosen while the page loads."""
    begin = time.perf_counter()
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    page.set_input_files("#files", str(image))
    page.wait_for_selector("#found-count:not(:empty)")
    return time.perf_counter() - begin


def measure_rate(page: Page, url: str, images: list[Path], count: int) -> float:
    """Images a second, from file to detections."""
    page.goto(f"{url}/bare.html?threads=1")  # a page of the site's folder with a detector of its own
    page.evaluate(OPEN_SITE, [base64.b64encode(path.read_bytes()).decode() for path in images])
    return 1000 * count / page.evaluate(RUN_SITE, count)


def main() -> None:
    """Measure in turns, and print medians as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=20, help="images in each round")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(given.site, Path(folder) / "site"))
        (copy / "bare.html").write_text(BARE_HTML)
        (copy / "bare.js").write_text(BARE_JS)
        with serve_folder(copy, ISOLATED if given.threads > 1 else ()) as url:
            for _ in range(given.rounds):
                with opened() as page:
                    bare_first, bare_rate = measure_bare(page, url, given.count, given.threads)
                with opened() as page:
                    site_first = measure_first(page, url, given.images[0])
                with opened() as page:
                    site_rate = measure_rate(page, url, given.images, given.count)
                rounds.append(
                    {
                        "bare_first_seconds": bare_first,
                        "site_first_seconds": site_first,
                        "bare_images_per_second": bare_rate,
                        "site_images_per_second": site_rate,
                    }
                )
    print(json.dumps(summary(rounds), indent=1))


def summary(rounds: list[dict[str, float]]) -> dict[str, Any]:
    """Medians over the rounds, and the site's share of the bare speed in each of them."""
    medians = {name: round(statistics.median(one[name] for one in rounds), 3) for name in rounds[0]}
    first = statistics.median(one["bare_first_seconds"] / one["site_first_seconds"] for one in rounds)
    rate = statistics.median(one["site_images_per_second"] / one["bare_images_per_second"] for one in rounds)
    shares = {"first_share": round(first, 3), "rate_share": round(rate, 3), "promised": PROMISED}
    return {**medians, **shares, "rounds": len(rounds)}


if __name__ == "__main__":
    main()
