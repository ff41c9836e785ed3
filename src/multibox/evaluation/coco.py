"""The COCO metric: average precision by IoU, object size and number of detections.

In each image, the best 100 detections of a class are matched in the order of their scores. Each detection takes the
free object with the highest IoU. It takes an ignored object only if no other object fits.

Two kinds of objects are ignored: crowds, and objects outside the size range if one size is evaluated alone. Any number
of detections may take a crowd, and the IoU with a crowd is the share of the detection inside it. Difficult objects are
treated as crowds, because COCO has no other way to leave an object out.

The results are equal to those of pycocotools. Where pycocotools loops over images, classes and IoUs, this code uses
arrays.
"""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.pairs import Pairs, areas, match, paired_overlap, pairs_of_class
from multibox.evaluation.voc import by_class, mean_of

OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
LIMITS = (1, 10, 100)
"""The limits that COCO evaluates: of each class in an image, only the 1, 10 or 100 detections with the highest scores
count."""

SIZES = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Range of object areas by name of the size: lowest and highest area in squared pixels."""


@dataclass(frozen=True)
class CocoResult:
    """COCO's average precision and recall by size, IoU and class. NaN for a class without objects to find.

    Attributes:
        ap: ``(4, 10, C)`` average precision in [0, 1], by object size (in the order of ``SIZES``), IoU and class.
        recall: ``(4, 10, C)`` recall in [0, 1] with the best 100 detections per image, by object size, IoU and class.
        recall_limited: ``(2, 10, C)`` recall in [0, 1] with the best 1 and the best 10 detections per image over all
            sizes, by IoU and class.
        objects: ``(4, C)`` number of objects to find, by object size and class.
    """

    ap: np.ndarray
    recall: np.ndarray
    recall_limited: np.ndarray
    objects: np.ndarray

    @property
    def map_50_95(self) -> float:
        """Mean average precision over IoUs 0.5 to 0.95 and classes, in [0, 1]. NaN without an object to find."""
        return mean_of(self.ap[0])

    @property
    def figures(self) -> dict[str, float]:
        """COCO's 12 summary numbers (average precisions and recalls) by name, in COCO's order.

        NaN if the test set has no object of a size.
        """
        sizes = list(SIZES)[1:]
        return {
            "AP": self.map_50_95,
            "AP50": mean_of(self.ap[0, 0]),
            "AP75": mean_of(self.ap[0, 5]),
            **{f"AP_{size}": mean_of(self.ap[i]) for i, size in enumerate(sizes, start=1)},
            "AR1": mean_of(self.recall_limited[0]),
            "AR10": mean_of(self.recall_limited[1]),
            "AR100": mean_of(self.recall[0]),
            **{f"AR_{size}": mean_of(self.recall[i]) for i, size in enumerate(sizes, start=1)},
        }


def coco(truth: Truth, found: Found) -> CocoResult:
    """Compute the COCO metric.

    Args:
        truth: Objects of the test set.
        found: Detections in the test set.

    Returns:
        Average precisions and recalls by size, IoU and class.
    """
    classes = len(truth.classes)
    found, rank = _best_of_each_image(found, classes)
    pairs = _pairs(truth, found)
    ranking = by_class(found, classes)
    shape = len(SIZES), len(OVERLAPS), classes
    ap, recall, limited = np.empty(shape), np.empty(shape), np.empty((len(LIMITS) - 1, *shape[1:]))
    objects = np.zeros((len(SIZES), classes), np.int64)
    area = areas(found.boxes)

    for i, (low, high) in enumerate(SIZES.values()):
        ignored = ~truth.counted | (truth.area < low) | (truth.area > high)
        objects[i] = np.bincount(truth.labels[~ignored], minlength=classes)
        preferred = pairs.keep(np.lexsort((-pairs.object, -pairs.iou, ignored[pairs.object], pairs.detection)))
        other_size = (area < low) | (area > high)
        for j, overlap in enumerate(OVERLAPS):
            hits, left_out = _match(preferred.keep(preferred.iou >= overlap), truth, ignored, other_size)
            ap[i, j], recall[i, j] = _summed_up(ranking, hits, left_out, objects[i])
            for k, limit in enumerate(LIMITS[:-1] if i == 0 else ()):
                limited[k, j] = _share(found.labels[hits & (rank < limit)], objects[i])
    return CocoResult(ap, recall, limited, objects)


def _best_of_each_image(found: Found, classes: int) -> tuple[Found, np.ndarray]:
    """Rows of the detections that COCO evaluates, by image, class and falling score, and their ranks in this order."""
    order = np.argsort(-found.scores, kind="stable")
    order = order[np.argsort((found.images * classes + found.labels)[order], kind="stable")]
    found = found.keep(order)
    groups = found.images * classes + found.labels
    begins = np.flatnonzero(np.diff(groups, prepend=-1))
    rank = np.arange(len(found)) - np.repeat(begins, np.diff(begins, append=len(found)))
    kept = rank < LIMITS[-1]
    return found.keep(kept), rank[kept]


def _pairs(truth: Truth, found: Found) -> Pairs:
    """Pairs that may match. The IoU with an object that is always ignored is the share of the detection inside it."""
    pairs = pairs_of_class(truth, found)
    crowds = np.flatnonzero(~truth.counted[pairs.object])
    boxes = found.boxes[pairs.detection[crowds]]
    shared = paired_overlap(boxes, truth.boxes[pairs.object[crowds]])
    pairs.iou[crowds] = shared / np.maximum(areas(boxes), np.finfo(np.float32).tiny)
    return pairs.keep(pairs.iou >= OVERLAPS[0])


def _match(pairs: Pairs, truth: Truth, ignored: np.ndarray, other_size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Match detections with objects. Returns ``(D,)`` bool for hits and ``(D,)`` bool for detections left out."""
    made = pairs.keep(match(pairs.object, pairs.detection, ~truth.counted[pairs.object]))
    hits, left_out = np.zeros(len(other_size), bool), other_size.copy()
    hits[made.detection] = ~ignored[made.object]
    left_out[made.detection] = ignored[made.object]
    return hits, left_out


def _summed_up(
    ranking: list[np.ndarray], hits: np.ndarray, left_out: np.ndarray, objects: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average precision and recall by class, ``(C,)`` each. Only hits are needed, where precision has local maxima."""
    ap, recall = np.full(len(objects), np.nan), np.full(len(objects), np.nan)
    for label, rows in enumerate(ranking):
        if objects[label]:
            counted = rows[~left_out[rows]]
            at = np.flatnonzero(hits[counted])
            precision = np.arange(1, len(at) + 1) / (at + 1)
            envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
            reached = np.arange(1, len(at) + 1) / objects[label]
            ap[label] = envelope[np.searchsorted(reached, RECALLS, "left")].mean()
            recall[label] = len(at) / objects[label]
    return ap, recall


def _share(labels: np.ndarray, objects: np.ndarray) -> np.ndarray:
    found = np.bincount(labels, minlength=len(objects))
    return np.where(objects > 0, found / np.maximum(objects, 1), np.nan)
