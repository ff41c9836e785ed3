"""Classification of detections as hits and false alarms."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.voc import MIN_IOU, by_class, count_by_class, find_hits


@dataclass(frozen=True)
class Outcomes:
    """Hits and false alarms at IoU 0.5, by the rules of PASCAL VOC.

    Attributes:
        truth: Objects of the test set.
        found: D detections that count. Detections of difficult objects or crowds are left out.
        hits: ``(D,)`` bool, whether each detection is a hit. All others are false alarms.
    """

    truth: Truth
    found: Found
    hits: np.ndarray

    @cached_property
    def ranking(self) -> list[np.ndarray]:
        """For each class, the indices of its detections in ``found``, from the highest score to the lowest."""
        return by_class(self.found, len(self.truth.classes))

    @cached_property
    def positives(self) -> np.ndarray:
        """``(C,)`` number of objects to find of each class."""
        return count_by_class(self.truth)


def find_outcomes(truth: Truth, found: Found, min_iou: float = MIN_IOU) -> Outcomes:
    """Match detections with objects, and leave out detections that do not count.

    Args:
        truth: Objects of the test set.
        found: Detections in the test set.
        min_iou: Smallest IoU of a hit.

    Returns:
        Hits and false alarms among the detections that count.
    """
    hits, ignored = find_hits(truth, found, min_iou)
    return Outcomes(truth, found.keep(~ignored), hits[~ignored])
