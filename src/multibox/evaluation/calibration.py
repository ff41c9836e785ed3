"""Calibration of scores: whether, for example, 80% of the detections with score 0.8 are hits."""

from dataclasses import dataclass

import numpy as np

from multibox.evaluation.outcomes import Outcomes

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Mean score and share of hits of detections in ten score bins of equal width.

    Reliability diagrams are from Guo et al. (arXiv 1706.04599), and reliability diagrams of detections from Kueppers et
    al. (arXiv 2004.13546).

    Attributes:
        detections: ``(10,)`` number of detections whose score is in each bin.
        score: ``(10,)`` mean score of the detections in each bin. NaN in an empty bin.
        precision: ``(10,)`` share of hits among the detections in each bin, in [0, 1]. NaN in an empty bin.
        ece: Expected calibration error, in [0, 1]: mean distance between score and precision over bins, weighted by
            ``detections``.
    """

    detections: np.ndarray
    score: np.ndarray
    precision: np.ndarray
    ece: float


def calibration(outcomes: Outcomes) -> Calibration:
    """Compare the scores of detections with the share of hits.

    Args:
        outcomes: Hits and false alarms of the whole test set.

    Returns:
        Scores and shares of hits by bin.
    """
    scores = outcomes.found.scores.astype(np.float64)
    bins = np.clip((scores * BINS).astype(int), 0, BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    there = np.where(count > 0, count, np.nan)
    score = np.bincount(bins, scores, BINS) / there
    precision = np.bincount(bins, outcomes.hits, BINS) / there
    gaps = np.where(count > 0, np.abs(score - precision), 0)
    ece = float(np.average(gaps, weights=count)) if count.any() else float("nan")
    return Calibration(count, score, precision, ece)
