"""The losses of boxes as their papers have them, and boxes to try them on."""

import math

import numpy as np


def by_the_paper(name, a, b):
    """REFERENCE: the loss of one pair of boxes, in Python's floats."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = map(float, a), map(float, b)
    overlap = max(0, min(ax1, bx1) - max(ax0, bx0)) * max(0, min(ay1, by1) - max(ay0, by0))
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - overlap
    iou = overlap / union
    width, height = max(ax1, bx1) - min(ax0, bx0), max(ay1, by1) - min(ay0, by0)
    if name == "giou":
        return 1 - (iou - (width * height - union) / (width * height))
    between = ((ax0 + ax1) / 2 - (bx0 + bx1) / 2) ** 2 + ((ay0 + ay1) / 2 - (by0 + by1) / 2) ** 2
    diou = 1 - iou + between / (width**2 + height**2)
    v = 4 / math.pi**2 * (math.atan((bx1 - bx0) / (by1 - by0)) - math.atan((ax1 - ax0) / (ay1 - ay0))) ** 2
    return diou if name == "diou" else diou + (v / (1 - iou + v) * v if v else 0)


def random_boxes(rng, count):
    corner, size = rng.random((count, 2)) * 100, 1 + rng.random((count, 2)) * 80
    return np.concatenate([corner, corner + size], axis=1).astype(np.float32)


def batch(seed, images=2, priors=20, classes=3, share=0.3):
    """Labels, deltas, logits, predicted deltas, priors."""
    rng = np.random.default_rng(seed)
    rest = np.where(rng.random((images, priors)) < 0.1, -1, 0)
    labels = np.where(rng.random((images, priors)) < share, rng.integers(1, classes + 1, (images, priors)), rest)
    deltas, predicted = rng.normal(size=(2, images, priors, 4)).astype("f4")
    logits = rng.normal(size=(images, priors, classes + 1)).astype("f4")
    return labels.astype("int32"), deltas, logits, predicted, random_boxes(rng, priors)
