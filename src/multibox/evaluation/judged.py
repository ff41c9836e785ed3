"""Detections after the judgement: those that count, each a hit or a false alarm, ranked class by class."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.voc import MIN_IOU, by_class, count_by_class, judge


@dataclass(frozen=True)
class Judged:
    """The judgement at IoU 0.5, as PASCAL VOC judges.

    Attributes:
        truth: the objects.
        found: D detections, without those that count neither way.
        hits: ``(D,)`` bool; all others are false alarms.
    """

    truth: Truth
    found: Found
    hits: np.ndarray

    @cached_property
    def ranking(self) -> list[np.ndarray]:
        """Rows of each class, from the highest score to the lowest."""
        return by_class(self.found, len(self.truth.classes))

    @cached_property
    def positives(self) -> np.ndarray:
        """``(C,)`` how many objects there are to find of each class."""
        return count_by_class(self.truth)


def judged(truth: Truth, found: Found, min_iou: float = MIN_IOU) -> Judged:
    """Judge the detections of a split."""
    hits, ignored = judge(truth, found, min_iou)
    return Judged(truth, found.keep(~ignored), hits[~ignored])
