"""How well a detector does where there is little to find, and where there is much."""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.judged import Judged
from multibox.evaluation.voc import average_precisions

STEPS = (0, 1, 2, 5, 10)
"""From how many objects on an image belongs to the next group."""


@dataclass(frozen=True)
class Group:
    """Images with about as many objects to find.

    Attributes:
        name: such as ``2 to 4``.
        images: how many there are.
        objects: to find in them.
        false_alarms: detections that hit nothing, an image.
        map: mean average precision in these images alone (area, IoU 0.5); NaN without objects.
    """

    name: str
    images: int
    objects: int
    false_alarms: float
    map: float


def by_crowding(judged: Judged, thresholds: np.ndarray) -> list[Group]:
    """Judge images with few and with many objects apart.

    Args:
        judged: the detections.
        thresholds: ``(C,)`` the scores from which on false alarms count, by class.

    Returns:
        the groups that have images, from few objects to many.
    """
    truth, found = judged.truth, judged.found
    there = np.bincount(truth.images[truth.counted], minlength=len(truth.image_ids))
    group = np.searchsorted(STEPS, there, "right") - 1
    shown_alarms = ~judged.hits & (found.scores > thresholds[found.labels])
    rows, groups = group[found.images], []
    for i in np.unique(group):
        inside, images = rows == i, group == i
        counted = truth.counted & images[truth.images]
        positives = np.bincount(truth.labels[counted], minlength=len(truth.classes))
        map_ = average_precisions(found.keep(inside), judged.hits[inside], positives).map
        alarms = float((shown_alarms & inside).sum() / images.sum())
        groups.append(Group(_name(int(i)), int(images.sum()), int(counted.sum()), alarms, map_))
    return groups


def _name(i: int) -> str:
    if i + 1 == len(STEPS):
        return f"{STEPS[i]} and more"
    last = STEPS[i + 1] - 1
    return str(STEPS[i]) if last == STEPS[i] else f"{STEPS[i]} to {last}"
