"""What was seen wrongly in each image, and pictures of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multibox.draw import draw_boxes
from multibox.evaluation.judged import Judged
from multibox.evaluation.voc import best_objects

FALSE_ALARM, MISSED, FOUND = 0, 1, 2
"""Colours of the palette: red, blue and green."""


@dataclass(frozen=True)
class Mistakes:
    """The mistakes among N images, when only what is worth showing is shown.

    Attributes:
        shown: ``(D,)`` bool, of the detections judged.
        missed: ``(M,)`` bool, the objects that nothing shown has hit.
        missed_count: ``(N,)`` how many those are in each image.
        false_alarms: ``(N,)`` how many shown detections hit nothing.
        cost: ``(N,)`` one for each missed object, and the scores of the false alarms: a sure mistake is worse.
    """

    shown: np.ndarray
    missed: np.ndarray
    missed_count: np.ndarray
    false_alarms: np.ndarray
    cost: np.ndarray

    def worst(self, count: int) -> list[int]:
        """The images that cost most, the worst first; those without a mistake are not among them."""
        order = np.argsort(-self.cost, kind="stable")[:count]
        return [int(i) for i in order if self.cost[i] > 0]


def find_mistakes(judged: Judged, thresholds: np.ndarray) -> Mistakes:
    """Count the mistakes of each image.

    Args:
        judged: the detections.
        thresholds: ``(C,)`` the scores that shown detections exceed, by class.

    Returns:
        the mistakes.
    """
    truth, found, images = judged.truth, judged.found, len(judged.truth.image_ids)
    shown = found.scores > thresholds[found.labels]
    missed = truth.counted.copy()
    missed[best_objects(truth, found.keep(shown & judged.hits))[0]] = False
    alarms = shown & ~judged.hits
    missed_count = np.bincount(truth.images[missed], minlength=images)
    cost = missed_count + np.bincount(found.images[alarms], found.scores[alarms], images)
    return Mistakes(shown, missed, missed_count, np.bincount(found.images[alarms], minlength=images), cost)


def draw_mistakes(image: np.ndarray, position: int, judged: Judged, mistakes: Mistakes) -> np.ndarray:
    """Draw what was found (green), what hits nothing (red, ``false``) and what was missed (blue, ``missed``).

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        position: of the image.
        judged: the detections.
        mistakes: as :func:`find_mistakes` gives them.

    Returns:
        ``(H, W, 3)`` a new image.
    """
    truth, found = judged.truth, judged.found
    missed = np.flatnonzero(mistakes.missed & (truth.images == position))
    rows = np.flatnonzero(mistakes.shown & (found.images == position))
    rows = rows[np.argsort(~judged.hits[rows], kind="stable")]  # false alarms last, so that they are on top
    texts = [f"{truth.classes[found.labels[row]]} {found.scores[row]:.2f}" for row in rows]
    captions = [text if hit else f"false: {text}" for text, hit in zip(texts, judged.hits[rows], strict=True)]
    captions += [f"missed: {truth.classes[label]}" for label in truth.labels[missed]]
    colors = [*np.where(judged.hits[rows], FOUND, FALSE_ALARM), *np.full(len(missed), MISSED)]
    return draw_boxes(image, np.concatenate([found.boxes[rows], truth.boxes[missed]]), captions, colors)


def in_words(mistakes: Mistakes, position: int, names: Sequence[str]) -> str:
    """An image and its mistakes, such as ``000012: 2 missed, 1 false alarm``."""
    missed, alarms = int(mistakes.missed_count[position]), int(mistakes.false_alarms[position])
    return f"{names[position]}: {missed} missed, {alarms} false alarm{'s' * (alarms != 1)}"
