"""How long the VOC metric takes: a million detections in 4952 images, as VOC 2007 test at score 0.01 gives them.

python benchmarks/voc_speed.py [--detections 1000000] [--repeat 5]
"""

import argparse
import json
import time

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.voc import voc

CLASSES = tuple(f"class{i}" for i in range(20))


def boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Boxes ``(count, 4)`` in a 500 x 375 image."""
    corner = rng.uniform(0, (400, 300), (count, 2))
    return np.concatenate([corner, corner + rng.uniform(10, (100, 75), (count, 2))], axis=1).astype(np.float32)


def make_truth(rng: np.random.Generator, images: int, objects: int) -> Truth:
    """Objects spread over the images as VOC's are: about three each, often of one class."""
    of_image = np.sort(rng.integers(0, images, objects))
    main_class = rng.integers(0, len(CLASSES), images)
    labels = np.where(rng.random(objects) < 0.7, main_class[of_image], rng.integers(0, len(CLASSES), objects))
    return Truth(
        classes=CLASSES,
        image_ids=tuple(f"{i:06d}" for i in range(images)),
        image_sizes=np.full((images, 2), (500, 375)),
        images=of_image,
        labels=labels,
        boxes=boxes(rng, objects),
        difficult=rng.random(objects) < 0.2,
        crowd=np.zeros(objects, bool),
        area=np.ones(objects, np.float32),
    )


def make_found(rng: np.random.Generator, truth: Truth, count: int) -> Found:
    """Half of the detections near an object and of its class, half anywhere."""
    near = rng.integers(0, len(truth), count // 2)
    far = count - len(near)
    return Found(
        images=np.concatenate([truth.images[near], rng.integers(0, len(truth.image_ids), far)]),
        labels=np.concatenate([truth.labels[near], rng.integers(0, len(CLASSES), far)]),
        scores=rng.random(count).astype(np.float32),
        boxes=np.concatenate([truth.boxes[near] + rng.normal(0, 8, (len(near), 4)), boxes(rng, far)]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detections", type=int, default=1_000_000)
    parser.add_argument("--images", type=int, default=4952)
    parser.add_argument("--objects", type=int, default=14976)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()

    rng = np.random.default_rng(0)
    truth = make_truth(rng, arguments.images, arguments.objects)
    found = make_found(rng, truth, arguments.detections)
    seconds = []
    for _ in range(arguments.repeat):
        start = time.perf_counter()
        result = voc(truth, found)
        seconds.append(round(time.perf_counter() - start, 3))
    print(json.dumps({"detections": len(found), "images": arguments.images, "map": result.map, "seconds": seconds}))


if __name__ == "__main__":
    main()
