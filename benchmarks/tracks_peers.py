"""Run each tracker of the package trackers on detections, and write MOT Challenge's text.

    PEERS/bin/python benchmarks/tracks_peers.py DETECTIONS TRUTH OUT [--activate 0.3]

It runs in the environment of requirements-tracks.txt and imports nothing of Multibox. DETECTIONS holds SEQUENCE.jsonl
with one line a frame, and TRUTH/SEQUENCE/seqinfo.ini the frame rate. Writes OUT/TRACKER/SEQUENCE.txt, and prints one
line of JSON for each tracker: its name and its milliseconds a frame. Trackers get no images, so those that would
compensate for the motion of the camera do not.
"""

import argparse
import configparser
import inspect
import json
import time
import warnings
from pathlib import Path

import numpy as np
import supervision as sv
import trackers

KINDS = {
    "SORT": trackers.SORTTracker,
    "ByteTrack": trackers.ByteTrackTracker,
    "OC-SORT": trackers.OCSORTTracker,
    "BoT-SORT": trackers.BoTSORTTracker,
    "C-BIoU": trackers.CBIoUTracker,
    "McByte": trackers.McByteTracker,
}
THRESHOLDS = ("track_activation_threshold", "high_conf_det_threshold")


def read_detections(path: Path) -> list[sv.Detections]:
    """The detections of each frame, as ``multibox predict --save jsonl`` writes them. No confidence becomes an id."""
    frames = []
    for line in path.read_text("utf-8").splitlines():
        rows = json.loads(line).get("detections", [])  # a frame that could not be read has none
        boxes = np.array([row["box"] for row in rows], np.float32).reshape(-1, 4)
        scores = np.array([row["score"] for row in rows], np.float32)
        frames.append(sv.Detections(boxes, confidence=scores, class_id=np.zeros(len(rows), int)))
    return frames


def read_rate(truth: Path) -> float:
    """The frames per second that a sequence states, or 30."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(truth / "seqinfo.ini", "utf-8")
    return parser.getfloat("Sequence", "frameRate", fallback=30.0)


def settings(kind: type, rate: float, activate: float | None) -> dict[str, float]:
    """The frame rate, and thresholds of scores that are lowered to ``activate`` where their default is higher."""
    defaults = inspect.signature(kind).parameters
    lowered = [name for name in THRESHOLDS if name in defaults and activate is not None]
    return {"frame_rate": rate} | {name: min(defaults[name].default, activate) for name in lowered}


def track(kind: type, frames: list[sv.Detections], options: dict[str, float]) -> tuple[list[str], float]:
    """The rows of a sequence, and the seconds that the tracker took."""
    tracker, rows, seconds = kind(**options), [], 0.0
    for number, detections in enumerate(frames, 1):
        begin = time.perf_counter()
        found = tracker.update(detections)
        seconds += time.perf_counter() - begin
        for box, score, one in zip(found.xyxy, found.confidence, found.tracker_id, strict=True) if len(found) else ():
            if one >= 0:
                x0, y0, x1, y1 = map(float, box)
                edges = f"{x0:.2f},{y0:.2f},{x1 - x0:.2f},{y1 - y0:.2f}"
                rows.append(f"{number},{one},{edges},{float(score):.5f},-1,-1,-1\n")
    return rows, seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("detections", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--activate", type=float, default=0.3)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="trackers")
    sequences = {path.stem: read_detections(path) for path in sorted(options.detections.glob("*.jsonl"))}
    for title, activate in (("", None), (f", from {options.activate:g}", options.activate)):
        for name, kind in KINDS.items():
            folder, seconds = options.out / (name + title), 0.0
            folder.mkdir(parents=True, exist_ok=True)
            for sequence, frames in sequences.items():
                given = settings(kind, read_rate(options.truth / sequence), activate)
                rows, took = track(kind, frames, given)
                (folder / f"{sequence}.txt").write_text("".join(rows))
                seconds += took
            count = sum(map(len, sequences.values()))
            print(json.dumps({"name": folder.name, "ms": 1000 * seconds / max(1, count)}), flush=True)


if __name__ == "__main__":
    main()
