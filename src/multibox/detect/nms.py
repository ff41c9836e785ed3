"""Non-maximum suppression: of boxes that cover the same object, the best one stays (SSD section 2.2, "Inference")."""

from typing import NamedTuple

import numpy as np

from multibox.boxes import iou
from multibox.config import Detect


class Selected(NamedTuple):
    """What was detected in one image, the best first; K rows.

    Attributes:
        boxes: ``(K, 4)`` in the units they were given in.
        scores: ``(K,)`` float32 in [0, 1].
        labels: ``(K,)`` int64, 0-based over the user's classes.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


def suppress(boxes: np.ndarray, threshold: float) -> np.ndarray:
    """Greedy non-maximum suppression of boxes of one class.

    From the best box down: one that overlaps a better box that stays is left out.

    Args:
        boxes: ``(K, 4)``, the best first.
        threshold: a box goes when its IoU with a better one that stays is above this.

    Returns:
        ``(K,)`` bool: which boxes stay.
    """
    covers = np.triu(iou(boxes, boxes) > threshold, k=1)  # (K, K): the row's box could suppress the column's
    # Who stays is settled from the best down: the boxes that nothing covers stay for certain, so what they cover goes
    # for certain, and so on. Each round settles one link more of the longest chain of boxes that cover one another;
    # an answer that a round no longer changes is the greedy one.
    keep = np.ones(len(boxes), np.bool_)
    while True:
        again = np.logical_not(np.logical_or.reduce(covers[keep], axis=0))
        if np.array_equal(again, keep):
            return keep
        keep = again


def select(scores: np.ndarray, boxes: np.ndarray, config: Detect, thresholds: np.ndarray | None = None) -> Selected:
    """Choose the detections of one image: by score, by class with non-maximum suppression, then the best of all.

    Equal scores keep the order of the priors, and of the classes.

    Args:
        scores: ``(P, C)`` in [0, 1].
        boxes: ``(P, 4)`` corners.
        config: ``score``, ``nms_iou``, ``per_class``, ``per_image``.
        thresholds: ``(C,)`` scores that a detection must exceed, by class; without them ``config.score``.

    Returns:
        at most ``config.per_image`` detections.
    """
    least = np.full(scores.shape[1], config.score) if thresholds is None else thresholds
    chosen = []
    for label, (column, lowest) in enumerate(zip(scores.T, least, strict=True)):
        priors = np.flatnonzero(column > lowest)
        if priors.size:
            priors = priors[np.argsort(-column[priors], kind="stable")[: config.per_class]]
            priors = priors[suppress(boxes[priors], config.nms_iou)]
            chosen.append((priors, np.full(len(priors), label)))
    if not chosen:
        return Selected(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    priors, labels = (np.concatenate(parts) for parts in zip(*chosen, strict=True))
    best = np.argsort(-scores[priors, labels], kind="stable")[: config.per_image]
    priors, labels = priors[best], labels[best]
    return Selected(boxes[priors], scores[priors, labels], labels)
