"""F1 over score thresholds, and the best threshold of each class."""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.outcomes import Outcomes
from multibox.evaluation.voc import precision_recall

USUAL = 0.5
"""Score threshold of a class without a hit."""


@dataclass(frozen=True)
class BestThreshold:
    """The score threshold at which the F1 of a class is highest.

    Attributes:
        threshold: Score threshold in [0, 1]: the midpoint between two neighbouring scores of detections.
        f1: 2 x precision x recall / (precision + recall), in [0, 1].
        precision: Precision at the threshold, in [0, 1].
        recall: Recall at the threshold, in [0, 1].
    """

    threshold: float
    f1: float
    precision: float
    recall: float


def best_thresholds(outcomes: Outcomes) -> list[BestThreshold | None]:
    """The score threshold with the best F1, for each class. None for a class without a correct detection."""
    rows = zip(outcomes.ranking, outcomes.positives, strict=True)
    return [_best(outcomes, of_class, int(total)) for of_class, total in rows]


def threshold_array(best: list[BestThreshold | None]) -> np.ndarray:
    """Thresholds as an array ``(C,)``, with :data:`USUAL` for classes without a hit."""
    return np.array([USUAL if one is None else one.threshold for one in best])


def f1_at(outcomes: Outcomes, label: int, thresholds: np.ndarray) -> np.ndarray:
    """F1 of a class at each threshold, if only detections above the threshold are shown.

    Args:
        outcomes: Hits and false alarms of the whole test set.
        label: Label of the class, from 0.
        thresholds: ``(T,)`` score thresholds, in [0, 1].

    Returns:
        ``(T,)`` F1 at each threshold, in [0, 1].
    """
    rows = outcomes.ranking[label]
    shown = np.searchsorted(-outcomes.found.scores[rows], -thresholds, "left")  # a score must exceed the threshold
    hits = np.append(0, np.cumsum(outcomes.hits[rows]))[shown]
    return 2 * hits / np.maximum(shown + outcomes.positives[label], 1)


def _best(outcomes: Outcomes, rows: np.ndarray, total: int) -> BestThreshold | None:
    if not outcomes.hits[rows].any():
        return None
    scores = outcomes.found.scores[rows].astype(np.float64)
    ends = np.flatnonzero(np.diff(scores, append=-np.inf))  # equal scores are shown together
    precision, recall = (values[ends] for values in precision_recall(outcomes.hits[rows], total))
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    at = int(f1.argmax())
    below = scores[ends[at + 1]] if at + 1 < len(ends) else 0.0
    threshold = float(np.clip((scores[ends[at]] + below) / 2, 0, 1))
    return BestThreshold(threshold, float(f1[at]), float(precision[at]), float(recall[at]))
