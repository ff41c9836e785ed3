"""Results by the number of objects in an image."""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.outcomes import Outcomes
from multibox.evaluation.voc import average_precisions

STEPS = (0, 1, 2, 5, 10)
"""Least number of objects in an image of each group."""


@dataclass(frozen=True)
class Group:
    """Images with a similar number of objects to find.

    Attributes:
        name: Range of the number of objects, such as ``2 to 4``.
        images: Number of images.
        objects: Number of objects to find in these images.
        false_alarms: Mean number of false alarms in an image.
        map: Mean average precision in these images alone (area, IoU 0.5). NaN without objects.
    """

    name: str
    images: int
    objects: int
    false_alarms: float
    map: float


def by_crowding(outcomes: Outcomes, thresholds: np.ndarray) -> list[Group]:
    """Evaluate images with few and with many objects separately.

    Args:
        outcomes: Outcomes of the detections.
        thresholds: ``(C,)`` scores above which false alarms count, by class.

    Returns:
        The groups that have images, in rising order of objects.
    """
    truth, found = outcomes.truth, outcomes.found
    there = np.bincount(truth.images[truth.counted], minlength=len(truth.image_ids))
    group = np.searchsorted(STEPS, there, "right") - 1
    shown_alarms = ~outcomes.hits & (found.scores > thresholds[found.labels])
    rows, groups = group[found.images], []
    for i in np.unique(group):
        inside, images = rows == i, group == i
        counted = truth.counted & images[truth.images]
        positives = np.bincount(truth.labels[counted], minlength=len(truth.classes))
        map_ = average_precisions(found.keep(inside), outcomes.hits[inside], positives).map
        alarms = float((shown_alarms & inside).sum() / images.sum())
        groups.append(Group(_name(int(i)), int(images.sum()), int(counted.sum()), alarms, map_))
    return groups


def _name(i: int) -> str:
    if i + 1 == len(STEPS):
        return f"{STEPS[i]} and more"
    last = STEPS[i + 1] - 1
    return str(STEPS[i]) if last == STEPS[i] else f"{STEPS[i]} to {last}"
