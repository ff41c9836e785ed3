"""What two machines found in the same images: ``python benchmarks/arm_compare.py HERE.json ARM.json``.

Both files are printed by ``multibox predict --json``. Images of the network's size, whose names end in ``-sized.png``,
must give the same detections. OpenCV resizes the others, and rounds otherwise on ARM.
"""

import json
import sys
from pathlib import Path

import numpy as np

from multibox.boxes import iou

SCORES, BOXES = 1e-3, 0.02
"""Largest differences between equal detections; the boxes are printed in hundredths of a pixel."""


def main(here: list[dict], arm: list[dict]) -> bool:
    """Print what differs, and return whether images of the network's size give the same."""
    assert [image["file"] for image in here] == [image["file"] for image in arm]
    sides = [(a["detections"], b["detections"]) for a, b in zip(here, arm, strict=True)]
    sized = [pair for pair, image in zip(sides, here, strict=True) if image["file"].endswith("-sized.png")]
    same = [pair for pair in sized if are_same(*pair)]
    found = sum(len(detections) for detections, _ in sized)
    print(f"images of the network's size: {len(same)} of {len(sized)} the same, with {found} detections")
    pairs = [pair for a, b in sides if (a, b) not in sized for pair in counterparts(a, b)]
    lost = sum(b is None for _, b in pairs)
    moved = max(abs(a["score"] - b["score"]) for a, b in pairs if b is not None)
    print(f"other images: {lost} of {len(pairs)} detections without counterpart, scores of the rest within {moved:.3f}")
    return len(same) == len(sized) > 0


def are_same(here: list[dict], arm: list[dict]) -> bool:
    """Whether two lists of detections are equal, in the same order."""
    return len(here) == len(arm) and all(
        a["name"] == b["name"]
        and abs(a["score"] - b["score"]) <= SCORES
        and np.abs(np.subtract(a["box"], b["box"])).max() <= BOXES
        for a, b in zip(here, arm, strict=True)
    )


def counterparts(here: list[dict], arm: list[dict]) -> list[tuple[dict, dict | None]]:
    """Each detection, with the one of its class that overlaps it most on the other side, by an IoU of 0.8 or more."""
    pairs: list[tuple[dict, dict | None]] = []
    for a in here:
        alike = [b for b in arm if b["name"] == a["name"]]
        overlaps = [float(iou(np.array([a["box"]]), np.array([b["box"]]))[0, 0]) for b in alike]
        best = int(np.argmax(overlaps)) if overlaps else -1
        pairs.append((a, alike[best] if overlaps and overlaps[best] >= 0.8 else None))
    return pairs


if __name__ == "__main__":
    sys.exit(not main(*(json.loads(Path(path).read_text("utf-8")) for path in sys.argv[1:])))
