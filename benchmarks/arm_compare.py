"""What two machines found in the same images: ``python benchmarks/arm_compare.py HERE.json ARM.json``.

Both files are printed by ``multibox predict --json``. Prints how many images give the same detections, and the largest
differences. Ends with code 1 unless all do.
"""

import json
import sys
from pathlib import Path

import numpy as np

SCORES, BOXES = 1e-3, 0.02
"""Largest differences between equal detections. Boxes are printed in hundredths of a pixel."""


def differences(here: list[dict], arm: list[dict]) -> tuple[float, float]:
    """Largest differences of scores and boxes; infinite if the classes or their order differ."""
    if [found["name"] for found in here] != [found["name"] for found in arm]:
        return np.inf, np.inf
    pairs = list(zip(here, arm, strict=True))
    scores = [abs(a["score"] - b["score"]) for a, b in pairs]
    boxes = [np.abs(np.subtract(a["box"], b["box"])).max() for a, b in pairs]
    return max(scores, default=0.0), float(max(boxes, default=0.0))


def main(here: list[dict], arm: list[dict]) -> bool:
    """Print what differs, and return whether all images give the same."""
    assert [image["file"] for image in here] == [image["file"] for image in arm]
    worst = [differences(a["detections"], b["detections"]) for a, b in zip(here, arm, strict=True)]
    same = [score <= SCORES and box <= BOXES for score, box in worst]
    found = sum(len(image["detections"]) for image in here)
    print(f"{sum(same)} of {len(here)} images give the same, with {found} detections here")
    print(f"scores differ by {max(s for s, _ in worst):.5f} at most, boxes by {max(b for _, b in worst):.2f} pixels")
    return len(same) > 0 and all(same)


if __name__ == "__main__":
    sys.exit(not main(*(json.loads(Path(path).read_text("utf-8")) for path in sys.argv[1:])))
