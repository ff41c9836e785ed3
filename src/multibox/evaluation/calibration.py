"""Whether scores mean what they say: of detections at score 0.8, do eight of ten hit?"""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.judged import Judged

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Reliability in bins of equal width (Guo et al., arXiv 1706.04599), of detections (Kueppers et al., 2004.13546).

    Attributes:
        detections: ``(10,)`` how many there are in each bin.
        score: ``(10,)`` their mean score; NaN in an empty bin.
        precision: ``(10,)`` the share of hits among them; NaN in an empty bin.
        ece: expected calibration error: the mean distance of score and precision, weighed by ``detections``.
    """

    detections: np.ndarray
    score: np.ndarray
    precision: np.ndarray
    ece: float


def calibration(judged: Judged) -> Calibration:
    """Hold the scores of detections against the share of hits."""
    scores = judged.found.scores.astype(np.float64)
    bins = np.clip((scores * BINS).astype(int), 0, BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    there = np.where(count > 0, count, np.nan)
    score = np.bincount(bins, scores, BINS) / there
    precision = np.bincount(bins, judged.hits, BINS) / there
    gaps = np.where(count > 0, np.abs(score - precision), 0)
    ece = float(np.average(gaps, weights=count)) if count.any() else float("nan")
    return Calibration(count, score, precision, ece)
