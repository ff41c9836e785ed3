"""Non-maximum suppression: of overlapping boxes of one class, the one of highest score stays (SSD section 2.2)."""

from typing import NamedTuple

import numpy as np

from multibox.config import Detect
from multibox.postprocess.groups import gather, number, overlaps, pad, squeeze
from multibox.postprocess.soft_nms import soften

BLOCK = 32
"""Number of boxes in a block: the boxes of a group are compared with one another a block at a time."""


class Selected(NamedTuple):
    """K detections in one image or input, the best first.

    Attributes:
        boxes: ``(K, 4)`` corners x0, y0, x1, y1, in the units of the input boxes.
        scores: ``(K,)`` float32 scores in [0, 1].
        labels: ``(K,)`` int64 labels, 0-based over the user's classes.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray

    def keep(self, rows: np.ndarray) -> "Selected":
        """Select detections by a mask ``(K,)`` bool, or by their positions in the order given."""
        return Selected(self.boxes[rows], self.scores[rows], self.labels[rows])

    def best(self, count: int) -> "Selected":
        """Select the ``count`` highest scores, the best first. Equal scores keep their order."""
        return self.keep(np.argsort(-self.scores, kind="stable")[:count])


class Candidates(NamedTuple):
    """K candidates for detections, each a pair of a prior and a class.

    The candidates of a group are contiguous, sorted by descending score.

    Attributes:
        priors: ``(K,)`` int64 indices of the priors.
        labels: ``(K,)`` int64 labels, 0-based over the user's classes.
        groups: ``(K,)`` int64 group of each candidate, in rising order. Candidates of one group may suppress one
            another.
        scores: ``(K,)`` float32 scores in [0, 1].
    """

    priors: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    scores: np.ndarray


def just_above(nms_iou: float) -> np.float32:
    """Next number above an IoU limit, for libraries that also suppress boxes whose IoU equals the limit.

    Args:
        nms_iou: Limit above which boxes suppress one another, in [0, 1].

    Returns:
        Smallest float32 above the limit. For a limit of 0, the smallest normal float32, because processors may flush
        smaller numbers to 0.
    """
    return max(np.nextafter(np.float32(nms_iou), np.float32(2)), np.finfo(np.float32).tiny)


def select(scores: np.ndarray, boxes: np.ndarray, config: Detect, thresholds: np.ndarray | None = None) -> Selected:
    """Select the detections of one image: by score threshold, NMS within each class, and the number allowed per image.

    Of equal scores, the prior with the smaller index comes first, then the class with the smaller label.

    Args:
        scores: ``(P, C)`` scores in [0, 1].
        boxes: ``(P, 4)`` corners x0, y0, x1, y1 of the priors' boxes, in any unit.
        config: Configuration of detection: the limits ``score``, ``per_class`` and ``per_image``, and the kind of
            suppression ``nms`` with ``nms_iou``, ``nms_sigma`` and ``agnostic``.
        thresholds: ``(C,)`` scores that a detection must exceed, by class. Without them, ``config.score`` is used.

    Returns:
        At most ``config.per_image`` detections. With Soft-NMS, their scores are the scores after lowering.
    """
    least = np.full(scores.shape[1], config.score) if thresholds is None else thresholds
    candidates = rank(scores, config, least)
    boxes = boxes[candidates.priors]
    stays, left = settle_overlaps(candidates, boxes, config, least, config.per_image)
    return Selected(boxes, left, candidates.labels).keep(stays).best(config.per_image)


def rank(scores: np.ndarray, config: Detect, least: np.ndarray) -> Candidates:
    """Select candidates by score alone.

    Args:
        scores: ``(P, C)`` scores in [0, 1].
        config: Configuration of detection, of which ``per_class`` and ``agnostic`` are used.
        least: ``(C,)`` scores that a candidate must exceed, by class.

    Returns:
        At most ``config.per_class`` candidates of each class, or of all classes together if NMS is class-agnostic.
    """
    labels, priors = np.nonzero(least[:, None] < scores.T)
    groups = np.zeros_like(labels) if config.agnostic else labels
    order = np.lexsort((-scores[priors, labels], groups))
    order = order[number(groups[order])[1] < config.per_class]
    groups, labels, priors = groups[order], labels[order], priors[order]
    return Candidates(priors, labels, groups, scores[priors, labels])


def settle_overlaps(
    candidates: Candidates, boxes: np.ndarray, config: Detect, least: np.ndarray, most: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Run the configured kind of non-maximum suppression on candidates.

    Args:
        candidates: K candidates, as :func:`rank` returns them.
        boxes: ``(K, 4)`` corners x0, y0, x1, y1 of the candidates' boxes, in any unit.
        config: Configuration of detection, of which ``nms``, ``nms_iou`` and ``nms_sigma`` are used.
        least: ``(C,)`` scores that a detection must exceed, by class.
        most: Number of best candidates that are wanted. Once so many stay, worse ones are removed. None decides all.

    Returns:
        ``(K,)`` bool, True for candidates that stay, and ``(K,)`` float32 scores after suppression.
    """
    if config.nms == "hard":
        ranked = None if most is None else (candidates.scores, most)
        return suppress(boxes, candidates.groups, config.nms_iou, ranked), candidates.scores
    left = soften(boxes, candidates.scores, candidates.groups, config, least.min(initial=1))
    return left > least[candidates.labels], left


def suppress(
    boxes: np.ndarray, groups: np.ndarray, threshold: float, ranked: tuple[np.ndarray, int] | None = None
) -> np.ndarray:
    """Greedy non-maximum suppression within groups.

    In order of descending score, a box is removed if it overlaps a box of higher score that stays. All groups are
    processed in parallel, one block of boxes at a time. A block's boxes that stay then remove the boxes that they
    overlap in the rest of their group, so the number of undecided boxes falls quickly.

    Args:
        boxes: ``(N, 4)`` corners x0, y0, x1, y1, in any unit. Boxes of a group are contiguous, sorted by descending
            score.
        groups: ``(N,)`` integer group of each box, in rising order. Boxes of one group may suppress one another.
        threshold: A box is removed if its IoU with a box of higher score that stays exceeds this threshold, in [0, 1].
        ranked: ``(N,)`` scores of the boxes, and the number of best boxes that are wanted. Once so many stay, boxes
            with lower scores are removed. None decides all boxes.

    Returns:
        ``(N,)`` bool, True for boxes that stay.
    """
    keep = np.zeros(len(boxes), np.bool_)
    left = np.arange(len(boxes))  # undecided boxes
    while left.size:
        of, rank = number(groups[left])
        first = rank < BLOCK
        block, real = pad(left[first], of[first], rank[first])  # (G, B)
        members = gather(boxes, block, real)
        stays = settle(overlaps(members, members) > threshold) & real
        keep[block[stays]] = True
        waits = ~first
        if ranked:
            waits &= ranked[0][left] >= _worst_wanted(ranked[0][keep], ranked[1])
        left, of = left[waits], of[waits]
        winners = gather(boxes, *squeeze(block, stays))  # (G, W, 4)
        covered = (overlaps(winners[of], boxes[left, None]) > threshold).any(axis=(1, 2))
        left = left[~covered]
    return keep


def _worst_wanted(scores: np.ndarray, most: int) -> float:
    """The lowest of the ``most`` highest scores, or 0 if there are fewer."""
    return float(np.partition(scores, -most)[-most]) if len(scores) >= most else 0.0


def settle(covers: np.ndarray) -> np.ndarray:
    """Decide which boxes of a sorted block stay: each box that stays removes the later boxes that it overlaps too much.

    Args:
        covers: ``(G, K, K)`` bool for G groups of K boxes, True if the box of the row overlaps the box of the column by
            more than the IoU threshold. Only entries above the diagonal count.

    Returns:
        ``(G, K)`` bool, True for boxes that are kept.
    """
    count = covers.shape[-1]
    covers = covers & ~np.tri(count, dtype=np.bool_)
    # Boxes that nothing covers certainly stay, so those that they cover certainly go, and so on. Each round settles one
    # more link of the longest chain of boxes that cover one another. A result that a round no longer changes is the
    # greedy one.
    keep = np.ones(covers.shape[:2], np.bool_)
    while True:
        again = np.logical_not((covers & keep[..., None]).any(axis=1))
        if np.array_equal(again, keep):
            return keep
        keep = again
