"""How much a detector doubts what it sees in an image."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

CLEAR: Final = 0.9
"""A detection of a higher score is called clear. Others are called doubtful."""


def doubts(scores: np.ndarray) -> np.ndarray:
    """The doubt about each detection: ``4 s (1 - s)``, which is 1 for a score of 0.5 and 0 for scores of 0 and 1.

    It is the variance of a yes-or-no answer with probability s, scaled to a maximum of 1, and equals one minus the
    squared margin between "object" and "no object", ``1 - (s - (1 - s))**2``. Margins of detections as a measure of
    what an image teaches are those of Brust, Käding and Denzler, "Active Learning for Deep Object Detection", arXiv
    1809.09875.

    Args:
        scores: ``(K,)`` scores in [0, 1].

    Returns:
        ``(K,)`` doubts in [0, 1].
    """
    return 4 * scores * (1 - scores)


def doubt_of(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """The doubt about an image: the sum over its detections, each weighted by its class.

    The sum prefers images with many doubtful objects, which teach most for one image. It is one of the aggregations
    that arXiv 1809.09875 compares.

    Args:
        scores: ``(K,)`` scores in [0, 1].
        labels: ``(K,)`` positions in the classes.
        weights: ``(C,)`` weight of each class.
    """
    return float((doubts(scores) * weights[labels]).sum())


def class_weights(classes: Sequence[str], objects: Mapping[str, int] | None) -> np.ndarray:
    """Weights of classes, larger for classes of which few objects are labelled.

    ``w_c`` is the square root of ``(N + C) / (N_c + 1)`` for N labelled objects, N_c of them of class c, of C classes,
    scaled to a mean of 1. To weight by the rarity of a class is proposed in arXiv 1809.09875. The root is ours, so that
    one rare class does not decide alone.

    Args:
        classes: Names of the C classes.
        objects: Number of labelled objects by class name. None gives every class the same weight.

    Returns:
        ``(C,)`` weights with a mean of 1.
    """
    if objects is None:
        return np.ones(len(classes))
    counts = np.array([objects.get(name, 0) for name in classes], np.float64)
    weights = np.sqrt((counts.sum() + len(classes)) / (counts + 1))
    return weights / weights.mean()
