"""The confusion matrix, with the background as an additional class."""

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.pairs import match, pairs_of_image
from multibox.evaluation.voc import MIN_IOU, by_score


def confusion(truth: Truth, found: Found, thresholds: np.ndarray, min_iou: float = MIN_IOU) -> np.ndarray:
    """Count detections by the class of their object and their own class.

    Detections are matched in the order of their scores, whatever their classes. Each detection takes the free object
    with the highest IoU. Detections of difficult objects and crowds are left out.

    Args:
        truth: Objects of the test set.
        found: Detections in the test set.
        thresholds: ``(C,)`` score that detections of each class must exceed.
        min_iou: Smallest IoU of a match.

    Returns:
        ``(C + 1, C + 1)`` int64 counts. Rows are classes of objects, columns are classes of detections. The last row
        counts detections without an object, the last column objects without a detection.
    """
    shown = found.keep(found.scores > thresholds[found.labels])
    shown = shown.keep(by_score(shown.scores))
    pairs = pairs_of_image(truth, shown)
    pairs = pairs.keep(pairs.iou >= min_iou)
    ignored = ~truth.counted[pairs.object]
    order = np.lexsort((-pairs.iou, ignored, pairs.detection))  # objects to find come before ignored ones
    pairs, ignored = pairs.keep(order), ignored[order]
    made = match(pairs.object, pairs.detection, ignored)

    nothing = len(truth.classes)
    there = np.full(len(shown), nothing)
    there[pairs.detection[made]] = np.where(ignored[made], -1, truth.labels[pairs.object[made]])
    left = truth.counted.copy()
    left[pairs.object[made]] = False
    matrix = np.zeros((nothing + 1, nothing + 1), np.int64)
    np.add.at(matrix, (there[there >= 0], shown.labels[there >= 0]), 1)
    matrix[:nothing, nothing] = np.bincount(truth.labels[left], minlength=nothing)
    return matrix


def most_confused(matrix: np.ndarray, count: int) -> list[tuple[int, int, int]]:
    """The most frequent confusions of two classes, as tuples ``(class, detected class, count)``."""
    between = matrix[:-1, :-1] * ~np.eye(len(matrix) - 1, dtype=bool)
    order = np.argsort(-between, axis=None, kind="stable")[:count]
    there, detected = np.unravel_index(order, between.shape)
    return [(int(i), int(j), int(between[i, j])) for i, j in zip(there, detected, strict=True) if between[i, j]]
