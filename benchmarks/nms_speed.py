"""What comes after the network costs: logits and deltas of SSD300 to detections, for 8732 priors and 20 classes.

python benchmarks/nms_speed.py [--repeat 200] [--objects 12]

The logits are made as a trained network gives them: a prior is sure of an object that it overlaps well, less sure the
less it does, and a little wrong about its class; elsewhere it is nearly sure of background. Times are those of the
processor, in one thread, so that what else runs on the machine counts little: the best, and the median.
"""

import argparse
import json
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from multibox.boxes import encode, iou
from multibox.config import Detect, Network
from multibox.config_file import load_config
from multibox.models.maps import network_priors
from multibox.postprocess.decode import decode
from multibox.postprocess.nms import select

CLASSES = 20


def ssd300_priors() -> np.ndarray:
    config = load_config("ssd300-vgg16-voc0712")
    network: Network = config.network
    return network_priors(network, config.priors)


def scene(rng: np.random.Generator, priors: np.ndarray, objects: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits ``(P, 21)`` and deltas ``(P, 4)`` for a picture with so many objects of a few classes."""
    size = np.exp(rng.uniform(np.log(0.05), np.log(0.7), (objects, 2)))
    corner = rng.uniform(0, 1, (objects, 2)) * (1 - size)
    boxes = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    labels = rng.choice(CLASSES, min(4, CLASSES), replace=False)[rng.integers(0, 4, objects)]
    overlap = iou(priors, boxes)  # (P, M)
    nearest, best = overlap.argmax(axis=1), overlap.max(axis=1)

    logits = rng.normal(0, 0.9, (len(priors), CLASSES + 1)).astype(np.float32)
    logits[:, 0] += 8
    sure = 14 * best**0.7
    logits[np.arange(len(priors)), labels[nearest] + 1] += sure
    alike = (labels[nearest] + 1) % CLASSES + 1  # the class it is taken for most easily
    logits[np.arange(len(priors)), alike] += 0.6 * sure
    deltas = encode(boxes[nearest], priors).clip(-12, 12) + rng.normal(0, 0.8, (len(priors), 4))
    return logits, deltas.astype(np.float32)


def milliseconds(function: Callable[[], object], repeat: int) -> dict[str, float]:
    times = []
    for _ in range(repeat):
        start = time.process_time_ns()
        function()
        times.append((time.process_time_ns() - start) / 1e6)
    return {"best_ms": round(min(times), 3), "median_ms": round(float(np.median(times)), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=200)
    parser.add_argument("--objects", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)

    priors = ssd300_priors()
    logits, deltas = scene(np.random.default_rng(arguments.seed), priors, arguments.objects)
    figures = {}
    for name, config, score in (
        ("evaluation", Detect(), 0.01),
        ("shown", Detect(), 0.4),
        ("agnostic", Detect(agnostic=True), 0.01),
        ("soft-linear", Detect(nms="soft-linear"), 0.01),
        ("soft-gaussian", Detect(nms="soft-gaussian"), 0.01),
    ):
        thresholds = np.full(CLASSES, score)
        scores, boxes = decode(logits, deltas, priors, above=score)
        figures[name] = {
            "above": score,
            "candidates": int((scores > score).sum()),
            "detections": len(select(scores, boxes, config, thresholds).scores),
            "decode": milliseconds(lambda score=score: decode(logits, deltas, priors, above=score), arguments.repeat),
            "nms": milliseconds(
                lambda scores=scores, boxes=boxes, config=config, thresholds=thresholds: select(
                    scores, boxes, config, thresholds
                ),
                arguments.repeat,
            ),
        }
    print(json.dumps({"priors": len(priors), "classes": CLASSES, **figures}, indent=1))


if __name__ == "__main__":
    main()
