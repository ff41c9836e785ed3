"""Are the counts of `multibox track` those of the rendered videos?

    multibox data sample TRUTH --video 18 --seed 2
    multibox predict TRUTH/SEQUENCE/SEQUENCE.mp4 --score 0.4 --save jsonl ...    # each to DETECTIONS/SEQUENCE.jsonl
    multibox track MODEL TRUTH/*/*.mp4 --line middle:0.5,0,0.5,1 --save counts --out OURS
    python -m benchmarks.track_counts DETECTIONS TRUTH OURS/counts.csv

Prints a line for each video: the smallest share of frames in which the detector finds an object, and whether all counts
are right. Found means an IoU of 0.5 with the box of the visible part. The share is that of all frames from the object's
first to its last, hidden ones included. Counts should be right where it is 0.8 or more.
"""

import argparse
import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np

from multibox.boxes import iou

SHOWN = 0.4


def true_boxes(sequence: Path) -> dict[int, dict[int, tuple[float, ...]]]:
    """Box of each object by id and frame, frames from 0."""
    boxes: dict[int, dict[int, tuple[float, ...]]] = {}
    for row in np.loadtxt(sequence / "gt/gt.txt", delimiter=",", ndmin=2):
        left, top, width, height = row[2:6]
        box = (left - 1, top - 1, left - 1 + width, top - 1 + height)
        boxes.setdefault(int(row[1]), {})[int(row[0]) - 1] = box
    return boxes


def found_boxes(path: Path) -> dict[int, np.ndarray]:
    """``(K, 4)`` boxes by frame."""
    rows = map(json.loads, path.read_text().splitlines())
    return {
        row["frame"]: np.array([one["box"] for one in row["detections"] if one["score"] > SHOWN]).reshape(-1, 4)
        for row in rows
    }


def least_share(truth: Path, detections: Path) -> float:
    """The smallest share of an object's frames in which it is found."""
    found = found_boxes(detections)
    shares = []
    for boxes in true_boxes(truth).values():
        hits = sum((iou(np.array([box]), found[frame]) >= 0.5).any() for frame, box in boxes.items())
        shares.append(hits / (max(boxes) - min(boxes) + 1))
    return min(shares)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detections", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("counts", type=Path)
    options = parser.parse_args()
    counted = Counter(
        (Path(row["file"]).stem, row["name"], row["what"]) for row in csv.DictReader(options.counts.open(newline=""))
    )
    exact: list[tuple[bool, bool]] = []
    for sequence in sorted(path.parent.parent for path in options.truth.glob("*/gt/counts.json")):
        classes = json.loads((sequence / "gt/counts.json").read_text())["classes"]
        expected = Counter()
        for name, numbers in classes.items():
            expected[sequence.name, name, "out"] = numbers["left_to_right"]
            expected[sequence.name, name, "in"] = numbers["right_to_left"]
        ours = Counter({key: count for key, count in counted.items() if key[0] == sequence.name})
        wrong = {key[1:]: (expected[key], ours[key]) for key in expected | ours if expected[key] != ours[key]}
        share = least_share(sequence, options.detections / f"{sequence.name}.jsonl")
        exact.append((share >= 0.8, not wrong))
        print(f"{sequence.name}: {share:.2f} found, {'exact' if not wrong else f'expected and counted: {wrong}'}")
    well = [is_exact for is_found, is_exact in exact if is_found]
    print(f"exact in {sum(well)} of {len(well)} videos with 0.8 or more, and in {sum(e for _, e in exact)} of all")


if __name__ == "__main__":
    main()
