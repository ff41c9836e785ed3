"""Tables of pairs of a detection and an object that may match."""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.columns import Found, Truth


@dataclass(frozen=True)
class Pairs:
    """K pairs of a detection and an object. A detection's pairs are adjacent, in the order of the objects.

    Attributes:
        detection: ``(K,)`` int64 position of each pair's detection among all detections.
        object: ``(K,)`` int64 position of each pair's object among all objects.
        iou: ``(K,)`` float64 IoU of each pair, in [0, 1].
    """

    detection: np.ndarray
    object: np.ndarray
    iou: np.ndarray

    def __len__(self) -> int:
        return len(self.iou)

    def keep(self, rows: np.ndarray) -> "Pairs":
        """Pairs where a mask ``(K,)`` is true, or pairs at the given positions, in the order given."""
        return Pairs(self.detection[rows], self.object[rows], self.iou[rows])


def pairs_of_class(truth: Truth, found: Found) -> Pairs:
    """Pair each detection with the objects of the same class in the same image."""
    classes = len(truth.classes)
    return _pairs(truth, found, truth.images * classes + truth.labels, found.images * classes + found.labels)


def pairs_of_image(truth: Truth, found: Found) -> Pairs:
    """Pair each detection with all objects in the same image."""
    return _pairs(truth, found, truth.images, found.images)


def best_of(pairs: Pairs, detections: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the object with the highest IoU for each detection. Of equal IoUs, the first object is taken.

    Args:
        pairs: Pairs of a detection and an object that may match.
        detections: Number of detections D, with and without pairs.

    Returns:
        ``(D,)`` int64 position of each detection's best object, and ``(D,)`` float64 IoU with it. A detection without
        pairs has position 0 and IoU -1.
    """
    best = np.zeros(detections, np.int64)
    overlap = np.full(detections, -1.0)
    if len(pairs):
        begins = np.flatnonzero(np.diff(pairs.detection, prepend=-1))  # where each detection's pairs begin
        overlap[pairs.detection[begins]] = np.maximum.reduceat(pairs.iou, begins)
        winners = np.flatnonzero(pairs.iou == overlap[pairs.detection])[::-1]
        best[pairs.detection[winners]] = pairs.object[winners]  # written from the last to the first: the first stays
    return best, overlap


def match(target: np.ndarray, suitor: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Match each suitor (a detection), in order, with the first target (an object) in its list that is still free.

    This is a stable matching in which every target prefers the earlier suitor. So it can be computed in rounds over all
    suitors at once (Gale and Shapley, 1962): each suitor proposes to its next target, and each target refuses all but
    the earliest suitor.

    Args:
        target: ``(K,)`` int64 index of the target (object) in each candidate pair. All pairs of a suitor (detection)
            are adjacent, and its preferred target comes first.
        suitor: ``(K,)`` int64 index of the suitor (detection) in each pair, in rising order. The suitor with the lowest
            index is matched first.
        shared: ``(K,)`` bool, whether the target of each pair (such as a crowd) can be matched with any number of
            suitors.

    Returns:
        ``(S,)`` int64 indices of the matched pairs among the K candidate pairs, at most one for each suitor
        (detection).
    """
    begins = np.flatnonzero(np.diff(suitor, prepend=-1))
    ends = np.append(begins[1:], len(suitor))
    current = begins.copy()
    first = np.full(target.max(initial=-1) + 1, np.iinfo(np.int64).max)  # earliest suitor of each target so far
    while True:
        open_ = np.flatnonzero(current < ends)
        pair = current[open_]
        single = pair[~shared[pair]]
        np.minimum.at(first, target[single], suitor[single])
        refused = open_[~shared[pair] & (first[target[pair]] < suitor[pair])]
        if not refused.size:
            return pair
        current[refused] += 1


def paired_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each row of ``a`` ``(N, 4)`` with the same row of ``b`` ``(N, 4)``: ``(N,)``."""
    overlap = paired_overlap(a, b)
    union = areas(a) + areas(b) - overlap
    return overlap / np.maximum(union, np.finfo(np.float32).tiny)


def paired_overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection area of each row of ``a`` ``(N, 4)`` with the same row of ``b`` ``(N, 4)``: ``(N,)`` float64."""
    ax0, ay0, ax1, ay1 = np.asarray(a, np.float64).T
    bx0, by0, bx1, by1 = np.asarray(b, np.float64).T
    width = np.maximum(np.minimum(ax1, bx1) - np.maximum(ax0, bx0), 0)
    return width * np.maximum(np.minimum(ay1, by1) - np.maximum(ay0, by0), 0)


def areas(boxes: np.ndarray) -> np.ndarray:
    """Areas of boxes ``(N, 4)``: ``(N,)`` float64."""
    x0, y0, x1, y1 = np.asarray(boxes, np.float64).T
    return (x1 - x0) * (y1 - y0)


def _pairs(truth: Truth, found: Found, groups: np.ndarray, wanted: np.ndarray) -> Pairs:
    """Pair detections and objects of the same group. After sorting by group, a detection's objects are a range."""
    objects = np.argsort(groups, kind="stable")
    groups = groups[objects]
    begin = np.searchsorted(groups, wanted, "left")
    count = np.searchsorted(groups, wanted, "right") - begin
    detection = np.repeat(np.arange(len(found)), count)
    before = np.cumsum(count) - count
    object_ = objects[np.arange(count.sum()) + np.repeat(begin - before, count)]
    return Pairs(detection, object_, paired_iou(found.boxes[detection], truth.boxes[object_]))
