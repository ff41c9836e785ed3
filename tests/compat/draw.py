"""Draws the images whose objects `truth.json` describes. Run as ``python tests/compat/draw.py FOLDER``."""

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

HERE = Path(__file__).parent
TRUTH: dict[str, Any] = json.loads((HERE / "truth.json").read_text())
COLORS = {"tram": (40, 40, 220), "cart": (220, 60, 40)}
"""Blue, green, red."""


def coverage(low: float, high: float, pixels: int) -> np.ndarray:
    """The share of each pixel of a row that lies between two edges, so that fractions are drawn as they are."""
    first = np.arange(pixels)
    return np.clip(np.minimum(first + 1, high) - np.maximum(first, low), 0, 1)


def draw(image: dict[str, Any]) -> np.ndarray:
    """One image: its objects as filled rectangles on grey, ``(height, width, 3)`` uint8."""
    pixels = np.full((image["height"], image["width"], 3), 128.0)
    for thing in image["objects"]:
        x0, y0, x1, y1 = thing["box"]
        share = np.outer(coverage(y0, y1, image["height"]), coverage(x0, x1, image["width"]))[..., None]
        pixels += share * (np.array(COLORS[thing["name"]]) - pixels)
    return pixels.round().astype(np.uint8)


def draw_all(place: str) -> None:
    """Write all images.

    Args:
        place: Path of each file, in which ``{name}`` and ``{split}`` are replaced.
    """
    for image in TRUTH["images"]:
        file = Path(place.format(name=image["name"], split=image["split"]))
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), draw(image))


if __name__ == "__main__":
    draw_all(f"{sys.argv[1]}/{{name}}")
