"""Weighted box fusion: averages the detections in several views of an image (Solovyev et al., arXiv 1910.13302)."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from multibox.postprocess.groups import gather, number, overlaps, pad
from multibox.postprocess.nms import Selected

SAME: Final = 0.55
"""IoU above which boxes belong to one object, as in Weighted Boxes Fusion (arXiv 1910.13302: ``THR``)."""


def fuse(views: Sequence[Selected], *, agnostic: bool = False, same: float = SAME) -> Selected:
    """Fuse the detections in N views (such as the mirrored image) of one image.

    The algorithm is that of the paper's section 3. In order of descending score, each box joins the fused box of its
    class that it overlaps most, or starts a new fused box. A fused box is the mean of its T boxes, weighted by their
    scores. Its score is the mean of their scores times ``min(T, N) / N``, so that objects seen in few views score
    lower. All classes are processed in parallel, one box of each at a time.

    Args:
        views: Detections in each view of the image, such as the mirrored one. The boxes of all views are in the same
            coordinates.
        agnostic: Whether boxes of different classes are fused as well. The fused box then has the class of its best
            box.
        same: IoU above which boxes belong to one object.

    Returns:
        Fused detections, the best first.
    """
    boxes, scores, labels = (np.concatenate(parts) for parts in zip(*views, strict=True))
    kinds = np.zeros_like(labels) if agnostic else labels
    order = np.lexsort((-scores, kinds))
    rows, real = pad(order, *number(kinds[order]))  # (G, K)
    group = np.arange(len(rows))
    members = gather(boxes, rows, real).astype(np.float64)  # (G, K, 4)
    weights = np.where(real, scores[rows], 0).astype(np.float64)
    fused, sums = np.zeros_like(members), np.zeros_like(members)
    joined, total, first = np.zeros(rows.shape, np.int64), np.zeros_like(weights), np.zeros_like(rows)
    begun = np.zeros(len(rows), np.int64)
    for rank in range(rows.shape[1]):
        box, weight = members[:, rank], weights[:, rank]
        overlap = overlaps(box[:, None], fused)[:, 0]  # (G, K)
        nearest = overlap.argmax(axis=1)
        joins = overlap[group, nearest] > same
        at = np.where(joins, nearest, begun)
        first[group, at] = np.where(joins, first[group, at], rows[:, rank])
        sums[group, at] += weight[:, None] * box
        total[group, at] += weight
        joined[group, at] += real[:, rank]
        fused[group, at] = sums[group, at] / np.maximum(total[group, at], np.finfo(np.float64).tiny)[:, None]
        begun += real[:, rank] & ~joins
    found = joined > 0
    score = total[found] / joined[found] * np.minimum(joined[found], len(views)) / len(views)
    return Selected(fused[found].astype(boxes.dtype), score.astype(np.float32), labels[first[found]]).best(found.sum())
