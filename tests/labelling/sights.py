"""Hand-made records, and what a network sees in them."""

import numpy as np

from multibox.data.record import Record, make_objects
from multibox.detect.detections import Detections
from multibox.labelling.sight import Sight

CLASSES = ("cat", "dog", "cow")
SIZE = (200, 100)
"""Width and height of the images."""


def make_record(boxes, labels, name="image", **flags):
    return Record(name, b"", *SIZE, make_objects(boxes, labels, **flags))


def make_sight(boxes, labels, scores, around=3, seed=0):
    """A sight with these detections. A few boxes around each have its score as well, as before NMS."""
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    labels, scores = np.array(labels, np.int64), np.array(scores, np.float32)
    rng = np.random.default_rng(seed)
    raw = np.repeat(boxes, around, axis=0)
    raw = (raw + rng.normal(0, 1, raw.shape) * (np.arange(len(raw)) % around > 0)[:, None]).astype(np.float32)
    values = np.full((len(raw), len(CLASSES)), 0.004, np.float32)
    values[np.arange(len(raw)), np.repeat(labels, around)] = np.repeat(scores, around)
    order = np.argsort(-scores, kind="stable")
    return Sight(raw, values, Detections(boxes[order], scores[order], labels[order], CLASSES, SIZE[::-1]))


def usual_images(count, seed=0):
    """Images of three objects that are labelled rightly, each detected a little beside its label."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        corner = np.array([[5, 10], [75, 15], [140, 40]]) + rng.uniform(0, 8, (3, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(25, 45, (3, 2))], axis=1)
        labels = rng.integers(0, len(CLASSES), 3)
        found = boxes + rng.normal(0, 1.5, boxes.shape)
        yield (
            make_record(boxes, labels, f"usual{number}"),
            make_sight(found, labels, rng.uniform(0.6, 0.99, 3), seed=number),
        )
