"""The mistakes in each image, and drawings of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multibox.draw import draw_boxes
from multibox.evaluation.outcomes import Outcomes
from multibox.evaluation.voc import best_objects

FALSE_ALARM, MISSED, FOUND = 0, 1, 2
"""Indices in the palette of :mod:`multibox.draw` of the colours red (false alarm), blue (missed) and green (found)."""


@dataclass(frozen=True)
class Mistakes:
    """The mistakes in N images, counting only detections whose scores exceed the thresholds.

    Attributes:
        shown: ``(D,)`` bool, whether the score of each detection exceeds its threshold.
        missed: ``(M,)`` bool, True for an object that must be found and that no shown detection hits.
        missed_count: ``(N,)`` number of missed objects in each image.
        false_alarms: ``(N,)`` number of shown false alarms in each image.
        cost: ``(N,)`` cost of the mistakes in each image: 1 for each missed object, plus the scores of the false
            alarms.
    """

    shown: np.ndarray
    missed: np.ndarray
    missed_count: np.ndarray
    false_alarms: np.ndarray
    cost: np.ndarray

    def worst(self, count: int) -> list[int]:
        """Positions of the images with the highest cost, the highest first. Images without a mistake are left out."""
        order = np.argsort(-self.cost, kind="stable")[:count]
        return [int(i) for i in order if self.cost[i] > 0]


def find_mistakes(outcomes: Outcomes, thresholds: np.ndarray) -> Mistakes:
    """Count the mistakes in each image.

    Args:
        outcomes: Hits and false alarms of the whole test set.
        thresholds: ``(C,)`` score that detections of each class must exceed to be shown.

    Returns:
        Missed objects, false alarms and their cost, by image.
    """
    truth, found, images = outcomes.truth, outcomes.found, len(outcomes.truth.image_ids)
    shown = found.scores > thresholds[found.labels]
    missed = truth.counted.copy()
    missed[best_objects(truth, found.keep(shown & outcomes.hits))[0]] = False
    alarms = shown & ~outcomes.hits
    missed_count = np.bincount(truth.images[missed], minlength=images)
    cost = missed_count + np.bincount(found.images[alarms], found.scores[alarms], images)
    return Mistakes(shown, missed, missed_count, np.bincount(found.images[alarms], minlength=images), cost)


def draw_mistakes(image: np.ndarray, position: int, outcomes: Outcomes, mistakes: Mistakes) -> np.ndarray:
    """Draw the mistakes in an image: hits green, false alarms red (``false``), missed objects blue (``missed``).

    Args:
        image: Pixels of the image, ``(H, W, 3)`` uint8 RGB.
        position: Position of the image in the test set, from 0.
        outcomes: Hits and false alarms of the whole test set.
        mistakes: Mistakes in the whole test set, from :func:`find_mistakes`.

    Returns:
        Copy of the image with boxes drawn, ``(H, W, 3)`` uint8 RGB.
    """
    truth, found = outcomes.truth, outcomes.found
    missed = np.flatnonzero(mistakes.missed & (truth.images == position))
    rows = np.flatnonzero(mistakes.shown & (found.images == position))
    rows = rows[np.argsort(~outcomes.hits[rows], kind="stable")]  # false alarms last, so that they are on top
    texts = [f"{truth.classes[found.labels[row]]} {found.scores[row]:.2f}" for row in rows]
    captions = [text if hit else f"false: {text}" for text, hit in zip(texts, outcomes.hits[rows], strict=True)]
    captions += [f"missed: {truth.classes[label]}" for label in truth.labels[missed]]
    colors = [*np.where(outcomes.hits[rows], FOUND, FALSE_ALARM), *np.full(len(missed), MISSED)]
    return draw_boxes(image, np.concatenate([found.boxes[rows], truth.boxes[missed]]), captions, colors)


def in_words(mistakes: Mistakes, position: int, names: Sequence[str]) -> str:
    """Describe the mistakes in an image, such as ``000012: 2 missed, 1 false alarm``."""
    missed, alarms = int(mistakes.missed_count[position]), int(mistakes.false_alarms[position])
    return f"{names[position]}: {missed} missed, {alarms} false alarm{'s' * (alarms != 1)}"
