"""The outcome of each detection: a hit or a false alarm."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.voc import MIN_IOU, by_class, count_by_class, find_hits


@dataclass(frozen=True)
class Outcomes:
    """Outcomes at IoU 0.5, by the rules of PASCAL VOC.

    Attributes:
        truth: Objects of the test set.
        found: D detections. Those that match difficult objects or crowds are left out.
        hits: ``(D,)`` bool. All other detections are false alarms.
    """

    truth: Truth
    found: Found
    hits: np.ndarray

    @cached_property
    def ranking(self) -> list[np.ndarray]:
        """Rows of the detections of each class, from the highest score to the lowest."""
        return by_class(self.found, len(self.truth.classes))

    @cached_property
    def positives(self) -> np.ndarray:
        """``(C,)`` number of objects to find, by class."""
        return count_by_class(self.truth)


def find_outcomes(truth: Truth, found: Found, min_iou: float = MIN_IOU) -> Outcomes:
    """Match detections with objects and keep those that count.

    Args:
        truth: Objects of the test set.
        found: Detections.
        min_iou: Least IoU of a hit.

    Returns:
        The outcome of each detection that counts.
    """
    hits, ignored = find_hits(truth, found, min_iou)
    return Outcomes(truth, found.keep(~ignored), hits[~ignored])
