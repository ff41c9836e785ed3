"""Evaluation of images grouped by their number of objects."""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.outcomes import Outcomes
from multibox.evaluation.voc import average_precisions

STEPS = (0, 1, 2, 5, 10)
"""Smallest number of objects in an image of each group."""


@dataclass(frozen=True)
class Group:
    """Results in images that have a similar number of objects to find.

    Attributes:
        name: Range of the number of objects per image, such as ``2 to 4``.
        images: Number of images in the group.
        objects: Number of objects to find in the group's images.
        false_alarms: Mean number of false alarms per image of the group.
        map: Mean average precision in the group's images alone (area, IoU 0.5), in [0, 1]. NaN without objects.
    """

    name: str
    images: int
    objects: int
    false_alarms: float
    map: float


def by_crowding(outcomes: Outcomes, thresholds: np.ndarray) -> list[Group]:
    """Evaluate images separately by their number of objects.

    Args:
        outcomes: Hits and false alarms of the whole test set.
        thresholds: ``(C,)`` score that false alarms of each class must exceed to be counted.

    Returns:
        The groups that contain images, in the order of their numbers of objects per image.
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
