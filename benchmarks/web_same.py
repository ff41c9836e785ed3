"""Whether an exported site detects in Chromium what Python detects, on images of one's own.

    python benchmarks/web_same.py SITE IMAGE... [--score 0.05] [--within 0.005 0.5]

SITE is a folder of `multibox export --format web`. Prints how many detections there are, how many of Python's have no
counterpart on the page (same class, score and corners within these numbers) and the largest differences of those that
have one. The browser decodes the image files with its own decoder, and its network is blocked.
"""

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from multibox.detect.load import load

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from static_site import Visit, blocked_browser, serve_folder

DETECT = """async ([held, score]) => {
  const { LocalDetector } = await import("./local/detector.js");
  window.detector ??= new LocalDetector();
  const { results } = await window.detector.detect(new File([Uint8Array.fromBase64(held)], "image"), score);
  return results[0].detections;
}"""


def compare(
    page: list[dict[str, Any]], python: Any, lowest: float, within: tuple[float, float]
) -> tuple[int, list[tuple[float, float]]]:
    """Count the detections of Python without a counterpart, and measure the others: differences in score and pixels.

    Detections so near the lowest score that either side may leave them out are not counted.
    """
    missed, differences, left = 0, [], list(page)
    for label, value, box in zip(python.labels, python.scores, python.boxes, strict=True):
        alike = [
            (abs(one["score"] - value), np.abs(np.subtract(one["box"], box)).max(), i)
            for i, one in enumerate(left)
            if one["label"] == label
        ]
        near = [one for one in alike if one[0] <= within[0] and one[1] <= within[1]]
        if near:
            differences.append(min(near)[:2])
            left.pop(min(near)[2])
        elif value > lowest + within[0]:
            missed += 1
    return missed, differences


def main() -> None:
    """Compare image by image, and print the sums as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--score", type=float, default=0.05)
    parser.add_argument("--within", type=float, nargs=2, default=(0.005, 0.5), metavar=("SCORE", "PIXELS"))
    given = parser.parse_args()
    detector = load(given.site / "model" / "model.onnx")
    missed, total, differences = 0, 0, []
    with serve_folder(given.site) as url, blocked_browser() as browser:
        visit = Visit(browser)
        visit.open(url)
        for path in given.images:
            held = base64.b64encode(path.read_bytes()).decode()
            found = visit.page.evaluate(DETECT, [held, given.score])
            expected = detector(path, score=given.score)
            lost, measured = compare(found, expected, given.score, given.within)
            missed, total, differences = missed + lost, total + len(expected), differences + measured
        outside = [asked for asked in visit.requests if not asked.startswith((f"{url}/", "data:", "blob:"))]
    score, pixels = np.array(differences or [(0.0, 0.0)]).max(axis=0).tolist()
    figures = {"images": len(given.images), "detections": total, "without_counterpart": missed}
    print(json.dumps({**figures, "score": score, "pixels": pixels, "requests_elsewhere": len(outside)}, indent=1))


if __name__ == "__main__":
    main()
