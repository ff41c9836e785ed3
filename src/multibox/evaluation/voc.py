"""The PASCAL VOC metric: average precision by class at one IoU.

A detection takes the object with the highest IoU among those of its class in its image. It is a hit if the IoU is high
enough, unless a detection with a higher score has already taken the object. Otherwise it is a false alarm. Difficult
objects and crowds need not be found, and a detection that takes one of them is not counted.

The devkit adds 1 to widths and heights because its corners are the first and last pixels inside the box. Boxes here are
edges, ``x1 = xmax`` and ``x0 = xmin - 1``, which already include that pixel. So the IoUs are the same.
"""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.pairs import best_of, pairs_of_class

MIN_IOU = 0.5
"""Smallest IoU of a hit in the PASCAL VOC benchmark."""


@dataclass(frozen=True)
class VocResult:
    """Average precision by class, in [0, 1]. NaN for a class without an object to find.

    Attributes:
        ap: ``(C,)`` area under the precision-recall curve of each class, in [0, 1] (VOC 2010 and later).
        ap_11point: ``(C,)`` mean precision at 11 recalls of each class, in [0, 1] (VOC 2007).
    """

    ap: np.ndarray
    ap_11point: np.ndarray

    @property
    def map(self) -> float:
        """Mean of ``ap`` over the classes that have objects. NaN if no class has any."""
        return mean_of(self.ap)

    @property
    def map_11point(self) -> float:
        """Mean of ``ap_11point`` over the classes that have objects. NaN if no class has any."""
        return mean_of(self.ap_11point)


def voc(truth: Truth, found: Found, min_iou: float = MIN_IOU) -> VocResult:
    """Compute the PASCAL VOC metric.

    Args:
        truth: Objects of the test set.
        found: Detections in the test set.
        min_iou: Smallest IoU of a hit.

    Returns:
        Average precision by class.
    """
    hits, ignored = find_hits(truth, found, min_iou)
    return average_precisions(found.keep(~ignored), hits[~ignored], count_by_class(truth))


def count_by_class(truth: Truth) -> np.ndarray:
    """``(C,)`` int64 number of objects to find of each class."""
    return np.bincount(truth.labels[truth.counted], minlength=len(truth.classes))


def average_precisions(found: Found, hits: np.ndarray, positives: np.ndarray) -> VocResult:
    """Compute average precision by class from the hits.

    Args:
        found: D detections, without those matched to difficult objects or crowds.
        hits: ``(D,)`` bool, whether each detection is a hit.
        positives: ``(C,)`` number of objects to find of each class.

    Returns:
        Average precision of each class.
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
    """For each class, the indices of its detections by falling score. Equal scores keep their order."""
    ranking = by_score(found.scores)
    ranking = ranking[np.argsort(found.labels[ranking].astype(np.uint16), kind="stable")]
    return np.split(ranking, np.cumsum(np.bincount(found.labels, minlength=classes))[:-1])


def find_hits(truth: Truth, found: Found, min_iou: float = MIN_IOU) -> tuple[np.ndarray, np.ndarray]:
    """Find the detections that hit an object to find.

    Args:
        truth: M objects of the test set.
        found: D detections in the test set.
        min_iou: Smallest IoU of a hit.

    Returns:
        ``(D,)`` bool, whether each detection is a hit, and ``(D,)`` bool, whether it is not counted. All other
        detections are false alarms.
    """
    taken, overlap = best_objects(truth, found)
    rows = np.flatnonzero(overlap >= min_iou)
    counted = truth.counted[taken[rows]]
    ignored = np.zeros(len(found), bool)
    ignored[rows[~counted]] = True

    rows = rows[counted]
    rows = rows[by_score(found.scores[rows])]
    _, first = np.unique(taken[rows], return_index=True)  # the detection with the highest score for each object
    hits = np.zeros(len(found), bool)
    hits[rows[first]] = True
    return hits, ignored


def best_objects(truth: Truth, found: Found) -> tuple[np.ndarray, np.ndarray]:
    """Find the object of the same class with the highest IoU for each detection.

    Of objects with equal IoU, the first is taken.

    Args:
        truth: M objects of the test set.
        found: D detections in the test set.

    Returns:
        ``(D,)`` int64 index in ``truth`` of each detection's best object, and ``(D,)`` float64 IoU with it. Index 0 and
        IoU -1 if the image has no object of the class.
    """
    return best_of(pairs_of_class(truth, found), len(found))


def by_score(scores: np.ndarray) -> np.ndarray:
    """Positions ``(D,)`` of scores from the highest to the lowest. Equal scores keep their order."""
    return np.argsort(-scores, kind="stable")


def precision_recall(hits: np.ndarray, positives: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute precision and recall after each detection of one class.

    Args:
        hits: ``(K,)`` bool, whether each detection is a hit, by falling score. Detections that are not counted are left
            out.
        positives: Number of objects to find of the class.

    Returns:
        ``(K,)`` float64 precisions and ``(K,)`` float64 recalls, both in [0, 1].
    """
    found = np.cumsum(hits)
    return found / np.arange(1, len(hits) + 1), found / max(1, positives)


def area(precision: np.ndarray, recall: np.ndarray) -> float:
    """Area under the monotonically falling precision-recall curve: the metric of VOC 2010 and later."""
    if not len(precision):
        return 0.0
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))


def eleven_points(precision: np.ndarray, recall: np.ndarray) -> float:
    """Mean over recalls 0, 0.1, ... 1 of the best precision at that recall or above: the metric of VOC 2007."""
    if not len(precision):
        return 0.0
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    points = np.arange(11) * 0.1  # as in the devkit, where 0.3 is 0.30000000000000004, just above the recall of 3 in 10
    return float(envelope[np.searchsorted(recall, points, "left")].mean())


def mean_of(ap: np.ndarray) -> float:
    """Mean of the values that are not NaN. NaN if there are none."""
    known = ap[~np.isnan(ap)]
    return float(known.mean()) if known.size else float("nan")
