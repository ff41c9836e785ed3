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
from multibox.evaluation.pairs import best_of, pairs_of_class

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
    return average_precisions(found.keep(~ignored), hits[~ignored], count_by_class(truth))


def count_by_class(truth: Truth) -> np.ndarray:
    """``(C,)`` int64: how many objects there are to find of each class."""
    return np.bincount(truth.labels[truth.counted], minlength=len(truth.classes))


def average_precisions(found: Found, hits: np.ndarray, positives: np.ndarray) -> VocResult:
    """Average precision by class, once it is known which detections hit.

    Args:
        found: D detections, without those that count neither way.
        hits: ``(D,)`` bool.
        positives: ``(C,)`` how many objects there are to find of each class.

    Returns:
        average precision by class.
    """
    ranked = [
        precision_recall(hits[rows], int(total))
        for rows, total in zip(by_class(found, len(positives)), positives, strict=True)
    ]
    return VocResult(
        ap=np.array([area(*curve) if total else np.nan for curve, total in zip(ranked, positives, strict=True)]),
        ap_11point=np.array(
            [eleven_points(*curve) if total else np.nan for curve, total in zip(ranked, positives, strict=True)]
        ),
    )


def by_class(found: Found, classes: int) -> list[np.ndarray]:
    """Positions of the detections of each class, from the highest score to the lowest; equal ones keep their order."""
    ranking = by_score(found.scores)
    ranking = ranking[np.argsort(found.labels[ranking].astype(np.uint16), kind="stable")]
    return np.split(ranking, np.cumsum(np.bincount(found.labels, minlength=classes))[:-1])


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
    return best_of(pairs_of_class(truth, found), len(found))


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
