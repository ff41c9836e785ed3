"""The PASCAL VOC metric: average precision at one IoU, by class.

A detection takes the object of its class, in its image, that it overlaps most. If the overlap is enough it is a hit,
unless a better-scored detection has taken that object already: then it is a miss, as it is when it overlaps too
little. Objects marked difficult, and crowds, are neither asked for nor held against a detection that takes one.

The devkit adds 1 to widths and heights because its corners are pixels, both of them inside the box. Boxes here are
edges, ``x1 = xmax`` and ``x0 = xmin - 1``, so that pixel is in them already, and the overlaps are the same.
"""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.columns import Found, Truth

MIN_IOU = 0.5
"""The overlap that the benchmark asks for."""


@dataclass(frozen=True)
class VocResult:
    """Average precision by class, in [0, 1]; NaN for a class without an object to find.

    Attributes:
        ap: ``(C,)``, the area under the precision-recall curve (VOC 2010 and later).
        ap_11point: ``(C,)``, the mean of the precision at 11 recalls (VOC 2007).
    """

    ap: np.ndarray
    ap_11point: np.ndarray

    @property
    def map(self) -> float:
        """The mean of ``ap`` over the classes that have objects; NaN without any."""
        return mean_of(self.ap)

    @property
    def map_11point(self) -> float:
        """The mean of ``ap_11point`` over the classes that have objects; NaN without any."""
        return mean_of(self.ap_11point)


def voc(truth: Truth, found: Found, min_iou: float = MIN_IOU) -> VocResult:
    """Judge the detections of a split.

    Args:
        truth: its objects.
        found: its detections.
        min_iou: the overlap that makes a hit.

    Returns:
        average precision by class.
    """
    hits, ignored = judge(truth, found, min_iou)
    positives = np.bincount(truth.labels[truth.counted], minlength=len(truth.classes))

    ranking = by_score(found.scores)
    ranking = ranking[~ignored[ranking]]
    ranking = ranking[np.argsort(found.labels[ranking], kind="stable")]  # by class, and in each by score
    ends = np.cumsum(np.bincount(found.labels[ranking], minlength=len(truth.classes)))[:-1]

    curves = [
        precision_recall(of_class, int(total))
        for of_class, total in zip(np.split(hits[ranking], ends), positives, strict=True)
    ]
    return VocResult(
        ap=np.array([area(*curve) if total else np.nan for curve, total in zip(curves, positives, strict=True)]),
        ap_11point=np.array(
            [eleven_points(*curve) if total else np.nan for curve, total in zip(curves, positives, strict=True)]
        ),
    )


def judge(truth: Truth, found: Found, min_iou: float = MIN_IOU) -> tuple[np.ndarray, np.ndarray]:
    """Say of each detection what it is.

    Args:
        truth: M objects.
        found: D detections.
        min_iou: the overlap that makes a hit.

    Returns:
        ``(D,)`` bool, the hits, and ``(D,)`` bool, those that count neither way; all others are false alarms.
    """
    taken, overlap = best_objects(truth, found)
    rows = np.flatnonzero(overlap >= min_iou)
    counted = truth.counted[taken[rows]]
    ignored = np.zeros(len(found), bool)
    ignored[rows[~counted]] = True

    rows = rows[counted]
    rows = rows[by_score(found.scores[rows])]
    _, first = np.unique(taken[rows], return_index=True)  # the best-scored detection that takes each object
    hits = np.zeros(len(found), bool)
    hits[rows[first]] = True
    return hits, ignored


def best_objects(truth: Truth, found: Found) -> tuple[np.ndarray, np.ndarray]:
    """Find the object that each detection overlaps most; of equals, the first.

    Args:
        truth: M objects.
        found: D detections.

    Returns:
        ``(D,)`` int64 rows of ``truth``, and ``(D,)`` float64 overlaps (IoU); where an image has no object of the
        detection's class, row 0 and overlap -1.
    """
    # Only pairs of one image and one class can match: sort the objects by both, so that each detection's
    # candidates are neighbours, then list all (detection, candidate) pairs in one long table.
    classes = len(truth.classes)
    groups = truth.images * classes + truth.labels
    objects = np.argsort(groups, kind="stable")
    groups = groups[objects]
    wanted = found.images * classes + found.labels
    start = np.searchsorted(groups, wanted, "left")
    count = np.searchsorted(groups, wanted, "right") - start

    best = np.zeros(len(found), np.int64)
    overlap = np.full(len(found), -1.0)
    rows = np.flatnonzero(count)
    if not rows.size:
        return best, overlap
    start, count = start[rows], count[rows]
    begins = np.cumsum(count) - count  # where each detection's pairs begin in the table
    pair_detection = np.repeat(rows, count)
    pair_object = objects[np.arange(count.sum()) + np.repeat(start - begins, count)]
    pair_iou = paired_iou(found.boxes[pair_detection], truth.boxes[pair_object])

    overlap[rows] = np.maximum.reduceat(pair_iou, begins)
    winners = np.flatnonzero(pair_iou == overlap[pair_detection])[::-1]
    best[pair_detection[winners]] = pair_object[winners]  # written from the last to the first, so the first stays
    return best, overlap


def paired_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each row of ``a`` ``(N, 4)`` with the same row of ``b`` ``(N, 4)``: ``(N,)``."""
    ax0, ay0, ax1, ay1 = np.asarray(a, np.float64).T
    bx0, by0, bx1, by1 = np.asarray(b, np.float64).T
    overlap = np.maximum(np.minimum(ax1, bx1) - np.maximum(ax0, bx0), 0)
    overlap *= np.maximum(np.minimum(ay1, by1) - np.maximum(ay0, by0), 0)
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - overlap
    return overlap / np.maximum(union, np.finfo(np.float32).tiny)


def by_score(scores: np.ndarray) -> np.ndarray:
    """Positions ``(D,)`` from the highest score to the lowest; equal scores keep their order."""
    return np.argsort(-scores, kind="stable")


def precision_recall(hits: np.ndarray, positives: int) -> tuple[np.ndarray, np.ndarray]:
    """The precision and the recall after each detection of one class.

    Args:
        hits: ``(K,)`` bool, from the highest score to the lowest, without those that count neither way.
        positives: how many objects there are to find.

    Returns:
        ``(K,)`` float64 precisions and ``(K,)`` float64 recalls, both in [0, 1].
    """
    found = np.cumsum(hits)
    return found / np.arange(1, len(hits) + 1), found / max(1, positives)


def area(precision: np.ndarray, recall: np.ndarray) -> float:
    """The area under the curve, once precision is made to fall: the metric of VOC 2010 and later."""
    if not len(precision):
        return 0.0
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))


def eleven_points(precision: np.ndarray, recall: np.ndarray) -> float:
    """The mean over recalls 0, 0.1, ... 1 of the best precision at that recall or beyond: the metric of VOC 2007."""
    if not len(precision):
        return 0.0
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    points = np.arange(11) * 0.1  # as the devkit counts: its 0.3 is 0.30000000000000004, and 3 of 10 objects miss it
    return float(envelope[np.searchsorted(recall, points, "left")].mean())


def mean_of(ap: np.ndarray) -> float:
    """The mean without NaN; NaN where nothing is left."""
    known = ap[~np.isnan(ap)]
    return float(known.mean()) if known.size else float("nan")
