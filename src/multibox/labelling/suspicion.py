"""Suspicion: the probability that a label is an error of some kind, or that an object has no label."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from multibox.data.record import Objects, Record
from multibox.labelling.evidence import (
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


@dataclass(eq=False)
class Collected:
    """The evidence of all images so far.

    Attributes:
        rng: Random generator for errors made on purpose.
        labelled: Evidence of the labels of each image that are judged.
        unlabelled: Evidence of the detections of each image without a label.
        missing: Evidence of detections whose label was left out on purpose.
        wrong: Evidence of labels with an error made on purpose: surplus, second boxes, shifted, swapped.
    """

    rng: np.random.Generator
    labelled: list[Labelled] = field(default_factory=list)
    unlabelled: list[Unlabelled] = field(default_factory=list)
    missing: list[Unlabelled] = field(default_factory=list)
    wrong: dict[str, list[Labelled]] = field(default_factory=lambda: {name: [] for name in WAYS})

    def add(self, record: Record, sight: Sight) -> None:
        """Collect the evidence of an image."""
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
            "swapped": swap(objects, rows, sight.scores.shape[1], self.rng),
        }
        for name, each in made.items():
            self.wrong[name].append(judge_labels(sight, each.boxes, each.labels, objects, each.place, side))

    def joined(self) -> tuple[Labelled, Unlabelled, Unlabelled, dict[str, Labelled]]:
        """The evidence of all images in one table each, as :func:`weigh` takes it."""
        wrong = {name: Labelled.join(parts) for name, parts in self.wrong.items()}
        found, missing = Unlabelled.join(self.unlabelled), Unlabelled.join(self.missing)
        return Labelled.join(self.labelled), found, missing, wrong


def judged(objects: Objects) -> np.ndarray:
    """Positions of the labels that are judged: those of a known class that are neither difficult nor a crowd."""
    return np.flatnonzero(~(objects.difficult | objects.crowd) & (objects.labels >= 0))


@dataclass(frozen=True, eq=False)
class Suspicions:
    """Suspicions of all judged labels and all detections without a label.

    Attributes:
        of_labels: ``(N, 4)`` probability that a label is wrong in each of :data:`WAYS`.
        of_detections: ``(D,)`` probability that a detection shows an object whose label is missing.
    """

    of_labels: np.ndarray
    of_detections: np.ndarray


def weigh(labelled: Labelled, unlabelled: Unlabelled, missing: Unlabelled, wrong: dict[str, Labelled]) -> Suspicions:
    """Learn from errors made on purpose what speaks for an error, and weigh the evidence by it."""
    usual = _usual(labelled)
    features = _features(labelled, usual)
    log_odds = np.full((len(labelled), len(WAYS)), -np.inf)
    for k, name in enumerate(WAYS):
        odds = learn(features, _features(wrong[name], usual))
        if odds is not None:
            log_odds[:, k] = odds(features) + np.log(RATE)
    ratio = np.exp(np.minimum(log_odds, 30))
    of_labels = ratio / (1 + ratio.sum(axis=1, keepdims=True))
    return Suspicions(of_labels, _of_detections(unlabelled, missing, usual))


def _of_detections(unlabelled: Unlabelled, missing: Unlabelled, usual: np.ndarray) -> np.ndarray:
    odds = learn(_detection_features(unlabelled, usual), _detection_features(missing, usual))
    if odds is None:
        return unlabelled.score.astype(np.float64)
    more = np.log(RATE * len(missing) / len(unlabelled))
    return 1 / (1 + np.exp(-np.clip(odds(_detection_features(unlabelled, usual)) + more, -30, 30)))


def _usual(labelled: Labelled) -> np.ndarray:
    """``(C,)`` mean logit of the own score of each class's labels, shrunk towards the mean of all classes."""
    logits = logit(labelled.own)
    classes = int(max(labelled.labels.max(initial=0), labelled.other_label.max(initial=0))) + 1
    mean = logits.mean() if len(logits) else 0.0
    total = np.bincount(labelled.labels, logits, classes)
    return (total + 5 * mean) / (np.bincount(labelled.labels, minlength=classes) + 5)


def _features(labelled: Labelled, usual: np.ndarray) -> np.ndarray:
    own, other = logit(labelled.own), logit(labelled.other)
    claim = logit(labelled.claim)
    beside = labelled.claim * (1 - labelled.claim_iou)
    expected = usual[labelled.labels]
    side = np.log(np.maximum(labelled.side, 1e-3))
    return np.stack(
        [
            own,
            other,
            other - own,
            np.maximum(other - own, 0),
            claim,
            beside,
            labelled.claim_iou,
            labelled.claim * labelled.claim_iou,
            labelled.twin,
            np.maximum(labelled.twin - 0.5, 0),
            side,
            expected,
            own - expected,
            (own - expected) * side,
        ],
        axis=1,
    )


def _detection_features(found: Unlabelled, usual: np.ndarray) -> np.ndarray:
    score = logit(found.score)
    side = np.log(np.maximum(found.side, 1e-3))
    expected = usual[np.minimum(found.labels, len(usual) - 1)]
    return np.stack([score, found.score, found.beside, found.inside, side, expected, score - expected], axis=1)


def logit(score: np.ndarray) -> np.ndarray:
    """Log odds of scores, at least those of :data:`~multibox.labelling.sight.FLOOR`."""
    bounded = np.clip(np.asarray(score, np.float64), FLOOR, 1 - 1e-4)
    return np.log(bounded / (1 - bounded))
