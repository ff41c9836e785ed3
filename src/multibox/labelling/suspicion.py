"""Suspicion: the probability that a label is an error of some kind, or that an object has no label."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from multibox.data.record import Objects, Record
from multibox.labelling.evidence import (
    SAME,
    Labelled,
    Unlabelled,
    judge_as_if_missing,
    judge_detections,
    judge_labels,
)
from multibox.labelling.odds import learn
from multibox.labelling.sight import FLOOR, Sight
from multibox.labelling.simulated import Wrong, add, double, shift, swap

WAYS: Final = ("surplus", "second", "shifted", "swapped")
"""The ways in which a label can be wrong. ``second`` is a surplus label on an object that has one."""

RATE: Final = 0.02
"""Share of labels that are assumed to be wrong in each way. It sets the scale of suspicions, and hardly their order."""

LEFT_OUT: Final = 0.2
"""Suspicion from which a label no longer stands for a right one."""

ROUNDS: Final = 2
PARTS: Final = 5
SHRINKING: Final = 5
"""Number of labels of average scores that each class has in addition, so that a rare class is like the others."""


@dataclass(eq=False)
class Collected:
    """The evidence of all images so far.

    Attributes:
        rng: Random generator for errors made on purpose.
        classes: Number of classes.
        labelled: Evidence of the labels of each image that are judged.
        unlabelled: Evidence of the detections of each image without a label.
        missing: Evidence of detections whose label was left out on purpose.
        wrong: Evidence of labels with an error made on purpose: surplus, second boxes, shifted, swapped.
    """

    rng: np.random.Generator
    classes: int = 0
    labelled: list[Labelled] = field(default_factory=list)
    unlabelled: list[Unlabelled] = field(default_factory=list)
    missing: list[Unlabelled] = field(default_factory=list)
    wrong: dict[str, list[Labelled]] = field(default_factory=lambda: {name: [] for name in WAYS})

    def add(self, record: Record, sight: Sight) -> None:
        """Collect the evidence of an image."""
        self.classes = sight.scores.shape[1]
        objects, size = record.objects, (record.width, record.height)
        side = float(np.sqrt(record.width * record.height))
        rows = judged(objects)
        self.labelled.append(judge_labels(sight, objects.boxes[rows], objects.labels[rows], objects, rows, side))
        self.unlabelled.append(judge_detections(sight, objects, side))
        self.missing.append(judge_as_if_missing(sight, objects, rows, side))
        made: dict[str, Wrong] = {
            "surplus": add(objects, rows, size, self.rng),
            "second": double(objects, rows, size, self.rng),
            "shifted": shift(objects, rows, size, self.rng),
            "swapped": swap(objects, rows, self.classes, self.rng),
        }
        for name, each in made.items():
            self.wrong[name].append(judge_labels(sight, each.boxes, each.labels, objects, each.place, side))

    def joined(self) -> tuple[int, Labelled, Unlabelled, Unlabelled, dict[str, Labelled]]:
        """The evidence of all images in one table each, as :func:`weigh` takes it."""
        wrong = {name: Labelled.join(parts) for name, parts in self.wrong.items()}
        found, missing = Unlabelled.join(self.unlabelled), Unlabelled.join(self.missing)
        return self.classes, Labelled.join(self.labelled), found, missing, wrong


def judged(objects: Objects) -> np.ndarray:
    """Positions of the labels that are judged: those of a known class that are neither difficult nor a crowd."""
    return np.flatnonzero(~(objects.difficult | objects.crowd) & (objects.labels >= 0))


@dataclass(frozen=True, eq=False)
class Suspicions:
    """Suspicions of all judged labels and all detections without a label.

    Attributes:
        of_labels: ``(N, 4)`` probability that a label is wrong in each of :data:`WAYS`.
        of_detections: ``(D,)`` probability that a detection shows an object whose label is missing.
        has_learned: Whether there were labels enough to learn from. Otherwise no label is called wrong, and the
            suspicion of a detection is its score.
    """

    of_labels: np.ndarray
    of_detections: np.ndarray
    has_learned: bool = True


def weigh(
    classes: int, labelled: Labelled, unlabelled: Unlabelled, missing: Unlabelled, wrong: dict[str, Labelled]
) -> Suspicions:
    """Learn from errors made on purpose what speaks for an error, and weigh the evidence by it.

    The labels themselves stand for right ones. What looks wrong at first is left out, and the rest is learned from
    once more, as in confident learning (arXiv 1911.00068).

    Args:
        classes: Number of classes.
        labelled: Evidence of the judged labels.
        unlabelled: Evidence of the detections without a label.
        missing: Evidence of detections whose label was left out on purpose.
        wrong: Evidence of labels with an error made on purpose, by :data:`WAYS`.
    """
    usual = _usual(labelled, classes)
    made = [_features(wrong[name], usual) for name in WAYS]
    of_labels = _chances(_features(labelled, usual), made, RATE)
    candidates, hits = _detection_features(unlabelled, usual), _detection_features(missing, usual)
    of_detections = _chances(candidates, [hits], RATE * len(hits) / max(len(candidates), 1))
    return Suspicions(
        np.zeros((len(labelled), len(WAYS))) if of_labels is None else of_labels,
        unlabelled.score if of_detections is None else of_detections[:, 0],
        of_labels is not None,
    )


def _chances(features: np.ndarray, made: list[np.ndarray], rate: float) -> np.ndarray | None:
    """Probability of each kind of error. None if there are too few examples to learn from.

    No example stands for what is right when it is judged itself: each part is judged by what the others teach.
    """
    chances = np.zeros((len(features), len(made)))
    right = np.ones(len(features), bool)
    for _ in range(ROUNDS):
        for part in range(PARTS):
            own = np.arange(len(features)) % PARTS == part
            odds = learn(features[right & ~own], made)
            if odds is None:
                return None
            chances[own] = odds.chances(features[own], rate)
        right = chances.sum(axis=1) < LEFT_OUT
    return chances


def _usual(labelled: Labelled, classes: int) -> np.ndarray:
    """``(C,)`` mean logit of the own score of each class's labels, shrunk towards the mean of all classes."""
    logits = logit(labelled.own)
    total = np.bincount(labelled.labels, logits, classes) + SHRINKING * (logits.mean() if len(logits) else 0.0)
    return total / (np.bincount(labelled.labels, minlength=classes) + SHRINKING)


def _features(labelled: Labelled, usual: np.ndarray) -> np.ndarray:
    columns = [
        logit(labelled.own),
        usual[labelled.labels],
        logit(labelled.other),
        logit(labelled.claim),
        labelled.claim_iou,
        labelled.claim * labelled.claim_iou,
        labelled.claim * (1 - labelled.claim_iou),
        labelled.best_iou,
        labelled.claim * (1 - labelled.best_iou),
        labelled.twin,
        np.maximum(labelled.twin - SAME, 0),
        log_side(labelled.side),
    ]
    return np.stack(columns, axis=1)


def _detection_features(found: Unlabelled, usual: np.ndarray) -> np.ndarray:
    columns = [
        logit(found.score),
        found.score,
        usual[found.labels],
        found.beside,
        found.inside,
        log_side(found.side),
    ]
    return np.stack(columns, axis=1)


def log_side(side: np.ndarray) -> np.ndarray:
    """Logarithm of sides that are shares of the image's, at least a thousandth."""
    return np.log(np.maximum(side, 1e-3))


def logit(score: np.ndarray) -> np.ndarray:
    """Log odds of scores, at least those of :data:`~multibox.labelling.sight.FLOOR`."""
    bounded = np.clip(np.asarray(score, np.float64), FLOOR, 1 - 1e-4)
    return np.log(bounded / (1 - bounded))
