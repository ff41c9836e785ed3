"""Soft-NMS: a box that overlaps one of higher score gets a lower score, and is not removed (arXiv 1704.04503)."""

import numpy as np

from multibox.config import Detect
from multibox.postprocess.groups import gather, number, overlaps, pad


def soften(boxes: np.ndarray, scores: np.ndarray, groups: np.ndarray, config: Detect, least: float) -> np.ndarray:
    """Lower the scores of boxes that overlap boxes of higher score (Bodla et al., figure 2).

    The best box is taken, and the scores of the others decay with their overlap with it. This repeats with the
    remaining boxes. All groups are processed in parallel, one box of each at a time.

    Args:
        boxes: ``(N, 4)`` corners x0, y0, x1, y1, in any unit. Boxes of a group are contiguous, sorted by descending
            score.
        scores: ``(N,)`` scores in [0, 1].
        groups: ``(N,)`` integer group of each box, in rising order. Boxes of one group lower one another's scores.
        config: Configuration of detection. Its ``nms`` is ``soft-linear``, which uses ``nms_iou``, or
            ``soft-gaussian``, which uses ``nms_sigma``.
        least: Score that a lowered score must exceed. Scores that do not exceed it become 0.

    Returns:
        ``(N,)`` float32 lowered scores, 0 where they do not exceed ``least``.
    """
    rows, real = pad(np.arange(len(boxes)), *number(groups))  # (G, K)
    members = gather(boxes, rows, real)
    softened = np.zeros(len(boxes), np.float32)
    decay = decay_of(overlaps(members, members), config).astype(np.float32)  # (G, K, K)
    softened[rows[real]] = _take_turns(np.where(real, scores[rows], 0).astype(np.float32), decay, least)[real]
    return softened


def decay_of(iou: np.ndarray, config: Detect) -> np.ndarray:
    """Factor for a box's score, given its IoU with the box that was taken (equations 2 and 3 of the paper)."""
    if config.nms == "soft-linear":
        return np.where(iou >= config.nms_iou, 1 - iou, 1)
    return np.exp(-(iou**2) / config.nms_sigma)


def _take_turns(scores: np.ndarray, decay: np.ndarray, least: float) -> np.ndarray:
    """Scores ``(G, K)`` after the boxes of each group were taken one by one. ``decay`` is ``(G, K, K)``."""
    group = np.arange(len(scores))
    final, left, gone = np.zeros_like(scores), scores.copy(), np.zeros(scores.shape, np.bool_)
    while (left > least).any():
        taken = left.argmax(axis=1)
        final[group, taken] = left[group, taken]
        gone[group, taken] = True
        left *= decay[group, taken]
        left[gone] = -1  # below every score
    return np.where(final > least, final, 0)
