"""Measures how well detections overlap the objects, to compare possible meanings of a file's ids and boxes."""

from dataclasses import replace

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.pairs import pairs_of_class
from multibox.evaluation.voc import by_score

SAMPLE = 200
"""Largest number of images on which meanings of a file are compared."""

GAIN, LITTLE = 0.15, 0.05
"""Gain of mean IoU from which one meaning counts as clearly better: without other evidence, and with other evidence."""

CERTAINTY, LEAST_DEVIATION, LEAST_OBJECTS = 4.0, 0.2, 5
"""Conditions for a clear gain of IoU: the smallest ratio of the gain to its standard error, a lower bound for the
standard deviation behind that error, and the smallest number of objects."""


def sample_of(truth: Truth) -> Truth:
    """The objects to find in at most :data:`SAMPLE` images, spread evenly over the images that have objects."""
    counted = np.flatnonzero(truth.counted)
    images = np.unique(truth.images[counted])
    chosen = images[np.linspace(0, len(images) - 1, min(SAMPLE, len(images))).round().astype(np.int64)]
    rows = counted[np.isin(truth.images[counted], chosen)]
    columns = ("images", "labels", "boxes", "difficult", "crowd", "area")
    return replace(truth, **{name: getattr(truth, name)[rows] for name in columns})


def one_class(truth: Truth) -> Truth:
    """The same objects as if they were of one class."""
    return replace(truth, classes=("object",), labels=np.zeros_like(truth.labels))


def best_scored(truth: Truth, found: Found) -> np.ndarray:
    """Select as many detections of each class in each image as there are objects, by descending score.

    So detections with low scores do not affect the comparison of meanings.

    Args:
        truth: Objects of the test set.
        found: D detections in the test set.

    Returns:
        ``(K,)`` int64 positions of the chosen detections in ``found``.
    """
    classes = len(truth.classes)
    counts = np.bincount(truth.images * classes + truth.labels, minlength=len(truth.image_ids) * classes)
    order = by_score(found.scores)
    groups = (found.images * classes + found.labels)[order]
    by_group = np.argsort(groups, kind="stable")
    groups = groups[by_group]
    begins = np.flatnonzero(np.diff(groups, prepend=-1))
    rank = np.arange(len(found)) - np.repeat(begins, np.diff(begins, append=len(found)))
    return order[by_group[rank < counts[groups]]]


def overlaps(truth: Truth, found: Found) -> np.ndarray:
    """Highest IoU of each object with a detection of its class and image: ``(M,)`` float64. 0 without a detection."""
    pairs = pairs_of_class(truth, found)
    best = np.zeros(len(truth))
    np.maximum.at(best, pairs.object, pairs.iou)
    return best


def is_clearly_better(mine: np.ndarray, other: np.ndarray, least: float) -> bool:
    """Whether objects have clearly higher IoUs with one meaning of a file than with another, beyond chance.

    Args:
        mine: ``(M,)`` IoU, in [0, 1], of each of M objects with its best detection, under the meaning to be judged.
        other: ``(M,)`` IoU, in [0, 1], of the same objects with their best detections, under the other meaning.
        least: Smallest mean gain of IoU that counts as clearly better, in [0, 1].

    Returns:
        True if the mean of ``mine`` is higher than that of ``other`` by a large and certain gain.
    """
    if len(mine) < LEAST_OBJECTS:
        return False
    gains = mine - other
    error = max(float(gains.std()), LEAST_DEVIATION) / np.sqrt(len(gains))
    return bool(gains.mean() >= max(least, CERTAINTY * error))
