"""Non-maximum suppression: of boxes that cover the same object, the best one stays (SSD section 2.2, "Inference")."""

from typing import NamedTuple

import numpy as np

from multibox.config import Detect
from multibox.postprocess.groups import gather, number, overlaps, pad, squeeze
from multibox.postprocess.soft_nms import soften

BLOCK = 32
"""Boxes of each group that are compared with one another at a time."""


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

    def keep(self, rows: np.ndarray) -> "Selected":
        """The rows where a mask is true, or those at the given positions, in that order."""
        return Selected(self.boxes[rows], self.scores[rows], self.labels[rows])

    def best(self, count: int) -> "Selected":
        """The ``count`` with the highest scores, the best first; of equal ones the earlier."""
        return self.keep(np.argsort(-self.scores, kind="stable")[:count])


class Candidates(NamedTuple):
    """What may become a detection: K pairs of a prior and a class, those of a group together, the best first.

    Attributes:
        priors: ``(K,)`` int64.
        labels: ``(K,)`` int64, 0-based over the user's classes.
        groups: ``(K,)`` int64, sorted; boxes of one group may suppress one another.
        scores: ``(K,)`` float32 in [0, 1].
    """

    priors: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    scores: np.ndarray


def select(scores: np.ndarray, boxes: np.ndarray, config: Detect, thresholds: np.ndarray | None = None) -> Selected:
    """Choose the detections of one image: by score, by class with non-maximum suppression, then the best of all.

    Equal scores keep the order of the priors, and of the classes.

    Args:
        scores: ``(P, C)`` in [0, 1].
        boxes: ``(P, 4)`` corners.
        config: ``score``, ``per_class``, ``per_image``, and how overlaps are settled: ``nms``, ``nms_iou``,
            ``nms_sigma``, ``agnostic``.
        thresholds: ``(C,)`` scores that a detection must exceed, by class; without them ``config.score``.

    Returns:
        at most ``config.per_image`` detections. Soft-NMS gives them the scores that it leaves them.
    """
    least = np.full(scores.shape[1], config.score) if thresholds is None else thresholds
    candidates = rank(scores, config, least)
    boxes = boxes[candidates.priors]
    stays, left = settle_overlaps(candidates, boxes, config, least)
    return Selected(boxes, left, candidates.labels).keep(stays).best(config.per_image)


def rank(scores: np.ndarray, config: Detect, least: np.ndarray) -> Candidates:
    """Choose what may become a detection, by score alone.

    Args:
        scores: ``(P, C)`` in [0, 1].
        config: ``per_class`` and ``agnostic``.
        least: ``(C,)`` scores that a detection must exceed, by class.

    Returns:
        at most ``config.per_class`` candidates of each class; of all together, where NMS is class-agnostic.
    """
    labels, priors = np.nonzero(least[:, None] < scores.T)
    groups = np.zeros_like(labels) if config.agnostic else labels
    order = np.lexsort((-scores[priors, labels], groups))
    order = order[number(groups[order])[1] < config.per_class]
    groups, labels, priors = groups[order], labels[order], priors[order]
    return Candidates(priors, labels, groups, scores[priors, labels])


def settle_overlaps(
    candidates: Candidates, boxes: np.ndarray, config: Detect, least: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Say which candidates stay, by the kind of non-maximum suppression that is configured.

    Args:
        candidates: K of them.
        boxes: ``(K, 4)`` theirs.
        config: ``nms``, ``nms_iou`` and ``nms_sigma``.
        least: ``(C,)`` scores that a detection must exceed, by class.

    Returns:
        ``(K,)`` bool: which stay, and ``(K,)`` float32 the scores that they have then.
    """
    if config.nms == "hard":
        return suppress(boxes, candidates.groups, config.nms_iou), candidates.scores
    left = soften(boxes, candidates.scores, candidates.groups, config, least.min(initial=1))
    return left > least[candidates.labels], left


def suppress(boxes: np.ndarray, groups: np.ndarray, threshold: float) -> np.ndarray:
    """Greedy non-maximum suppression within groups.

    From the best box down: one that overlaps a better box that stays is left out. All groups go on together, a block of
    boxes at a time: what stays of each group's next block removes what it covers of the rest, which soon leaves little.

    Args:
        boxes: ``(N, 4)``, those of a group together, the best first.
        groups: ``(N,)`` the sorted number of each box's group; those of one may suppress one another.
        threshold: a box goes when its IoU with a better one that stays is above this.

    Returns:
        ``(N,)`` bool: which boxes stay.
    """
    keep = np.zeros(len(boxes), np.bool_)
    left = np.arange(len(boxes))  # whose fate is open
    while left.size:
        of, rank = number(groups[left])
        first = rank < BLOCK
        block, real = pad(left[first], of[first], rank[first])  # (G, B)
        members = gather(boxes, block, real)
        stays = settle(overlaps(members, members) > threshold) & real
        keep[block[stays]] = True
        left, of = left[~first], of[~first]
        winners = gather(boxes, *squeeze(block, stays))  # (G, W, 4)
        covered = (overlaps(winners[of], boxes[left, None]) > threshold).any(axis=(1, 2))
        left = left[~covered]
    return keep


def settle(covers: np.ndarray) -> np.ndarray:
    """Who stays, where a box that stays removes those it covers that come after it.

    Args:
        covers: ``(G, K, K)`` bool: the row's box could suppress the column's; only what is above the diagonal counts.

    Returns:
        ``(G, K)`` bool.
    """
    count = covers.shape[-1]
    covers = covers & ~np.tri(count, dtype=np.bool_)
    # The boxes that nothing covers stay for certain, so what they cover goes for certain, and so on. Each round settles
    # one link more of the longest chain of boxes that cover one another; an answer that a round no longer changes is
    # the greedy one.
    keep = np.ones(covers.shape[:2], np.bool_)
    while True:
        again = np.logical_not((covers & keep[..., None]).any(axis=1))
        if np.array_equal(again, keep):
            return keep
        keep = again
