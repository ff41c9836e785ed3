"""From which score on detections are worth showing: F1 against the threshold, and the best threshold of each class."""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.judged import Judged
from multibox.evaluation.voc import precision_recall

USUAL = 0.5
"""The threshold of a class without a hit, for which none is best."""


@dataclass(frozen=True)
class Best:
    """The threshold at which the F1 of a class is highest, and how good the class is there.

    Attributes:
        threshold: half-way between the lowest score that is worth showing and the next one below it.
        f1: 2 x precision x recall / (precision + recall).
        precision: in [0, 1].
        recall: in [0, 1].
    """

    threshold: float
    f1: float
    precision: float
    recall: float


def best_thresholds(judged: Judged) -> list[Best | None]:
    """The best threshold of each class; None for a class without a hit."""
    return [_best(judged, rows, int(total)) for rows, total in zip(judged.ranking, judged.positives, strict=True)]


def threshold_array(best: list[Best | None]) -> np.ndarray:
    """``(C,)`` the thresholds, :data:`USUAL` where none is best."""
    return np.array([USUAL if one is None else one.threshold for one in best])


def f1_at(judged: Judged, label: int, thresholds: np.ndarray) -> np.ndarray:
    """F1 of a class when detections above a threshold are shown, at each of ``thresholds`` ``(T,)``: ``(T,)``."""
    rows = judged.ranking[label]
    shown = np.searchsorted(-judged.found.scores[rows], -thresholds, "left")  # a score must exceed the threshold
    hits = np.append(0, np.cumsum(judged.hits[rows]))[shown]
    return 2 * hits / np.maximum(shown + judged.positives[label], 1)


def _best(judged: Judged, rows: np.ndarray, total: int) -> Best | None:
    if not judged.hits[rows].any():
        return None
    scores = judged.found.scores[rows].astype(np.float64)
    ends = np.flatnonzero(np.diff(scores, append=-np.inf))  # equal scores are shown together
    precision, recall = (values[ends] for values in precision_recall(judged.hits[rows], total))
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    at = int(f1.argmax())
    below = scores[ends[at + 1]] if at + 1 < len(ends) else 0.0
    threshold = float(np.clip((scores[ends[at]] + below) / 2, 0, 1))
    return Best(threshold, float(f1[at]), float(precision[at]), float(recall[at]))
