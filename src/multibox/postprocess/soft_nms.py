"""Soft-NMS: a box that overlaps a better one loses score instead of its place (Bodla et al., arXiv 1704.04503)."""

import numpy as np

from multibox.config import Detect
from multibox.postprocess.groups import gather, number, overlaps, pad


def soften(boxes: np.ndarray, scores: np.ndarray, groups: np.ndarray, config: Detect, least: float) -> np.ndarray:
    """Lower the scores of boxes that overlap better ones.

    Figure 2 of the paper: the best box is taken, the scores of the others decay by how much they overlap it, and so on
    with those that are left. All groups take their next box at the same time.

    Args:
        boxes: ``(N, 4)``, those of a group together, the best first.
        scores: ``(N,)`` in [0, 1].
        groups: ``(N,)`` the sorted number of each box's group; those of one lower one another's scores.
        config: ``nms``, ``soft-linear`` or ``soft-gaussian``, with ``nms_iou`` for one, ``nms_sigma`` for the other.
        least: the lowest score that matters.

    Returns:
        ``(N,)`` float32, the scores that are left; 0 where they are not above ``least``.
    """
    rows, real = pad(np.arange(len(boxes)), *number(groups))  # (G, K)
    members = gather(boxes, rows, real)
    softened = np.zeros(len(boxes), np.float32)
    decay = decay_of(overlaps(members, members), config).astype(np.float32)  # (G, K, K)
    softened[rows[real]] = _take_turns(np.where(real, scores[rows], 0).astype(np.float32), decay, least)[real]
    return softened


def decay_of(iou: np.ndarray, config: Detect) -> np.ndarray:
    """What a score is multiplied with, by the overlap with the box that was taken (equations 2 and 3)."""
    if config.nms == "soft-linear":
        return np.where(iou >= config.nms_iou, 1 - iou, 1)
    return np.exp(-(iou**2) / config.nms_sigma)


def _take_turns(scores: np.ndarray, decay: np.ndarray, least: float) -> np.ndarray:
    """Scores ``(G, K)`` after the boxes of each group were taken in their turn; ``decay`` is ``(G, K, K)``."""
    group = np.arange(len(scores))
    final, left, gone = np.zeros_like(scores), scores.copy(), np.zeros(scores.shape, np.bool_)
    while (left > least).any():
        taken = left.argmax(axis=1)
        final[group, taken] = left[group, taken]
        gone[group, taken] = True
        left *= decay[group, taken]
        left[gone] = -1  # below every score
    return np.where(final > least, final, 0)
