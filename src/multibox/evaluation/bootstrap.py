"""Confidence intervals of the mean average precision, by the bootstrap over images.

N of the N images are drawn with replacement, a few hundred times, and the figure is computed for each draw (Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13: percentile intervals). Whether a detection hits does not
depend on other images. So a draw only changes how often each image counts, and no detection is matched again.

Precision has its local maxima at hits. So only the number of false alarms between two hits matters, and a draw over a
million detections takes milliseconds.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from multibox.evaluation.outcomes import Outcomes

DRAWS = 300
SHARE = 0.95
"""Share of the draws inside an interval."""

_AT_ONCE = 32
"""Number of draws computed together, which limits memory."""


@dataclass(frozen=True)
class Interval:
    """A 95% confidence interval."""

    low: float
    high: float


def draw_weights(images: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Draw images with replacement.

    Args:
        images: Number of images, N.
        draws: Number of draws, R.
        seed: Seed of the random draws.

    Returns:
        ``(R, N)`` float32 number of times that each image was drawn.
    """
    rng = np.random.default_rng(seed)
    drawn = [np.bincount(rng.integers(0, images, images), minlength=images) for _ in range(draws if images else 0)]
    return np.array(drawn, np.float32).reshape(len(drawn), images)


def resampled_ap(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Average precision (area, at the IoU of the outcomes) in every draw.

    Args:
        outcomes: Outcomes of the detections.
        weights: ``(R, N)`` number of times that each image counts.

    Returns:
        ``(R, C)`` average precisions. NaN where no object of a class was drawn.
    """
    truth, classes = outcomes.truth, len(outcomes.truth.classes)
    counts = np.zeros((len(truth.image_ids), classes), np.float32)
    np.add.at(counts, (truth.images[truth.counted], truth.labels[truth.counted]), 1)
    positives = weights @ counts  # (R, C)

    rows = [_until_last_hit(of_class, outcomes.hits) for of_class in outcomes.ranking]
    hit_counts = [int(outcomes.hits[of_class].sum()) for of_class in rows]
    ends = np.cumsum([0, *hit_counts])
    ranked = np.concatenate(rows)
    images, last = outcomes.found.images[ranked].astype(np.int32), np.flatnonzero(outcomes.hits[ranked])

    ap = np.where(positives > 0, 0.0, np.nan)
    for first in range(0, len(weights) if len(last) else 0, _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        found, seen = _between_hits(weights[part], images, last)
        for label, (begin, end) in enumerate(pairwise(ends)):
            if end > begin:
                ap[part, label] = _area(found[:, begin:end], seen[:, begin:end], positives[part, label])
    return ap


def interval(values: np.ndarray) -> Interval:
    """The middle 95% of the draws ``(R,)``. NaN is left out."""
    known = values[~np.isnan(values)]
    if not known.size:
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(float(low), float(high))


def mean_over_classes(ap: np.ndarray) -> np.ndarray:
    """Mean of each row of ``(R, C)`` without NaN: ``(R,)``. NaN for a row without any number."""
    known = ~np.isnan(ap)
    total = np.where(known, ap, 0).sum(axis=1)
    return np.divide(total, known.sum(axis=1), out=np.full(len(ap), np.nan), where=known.any(axis=1))


def _until_last_hit(rows: np.ndarray, hits: np.ndarray) -> np.ndarray:
    at = np.flatnonzero(hits[rows])
    return rows[: at[-1] + 1] if at.size else rows[:0]


def _between_hits(weights: np.ndarray, images: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each draw, the weight of each hit, and of all detections from one hit to the next: ``(r, H)`` each."""
    begins = np.append(0, last[:-1] + 1)
    found = weights[:, images[last]]
    seen = np.stack([np.add.reduceat(draw[images], begins) for draw in weights])
    return found, seen


def _area(found: np.ndarray, seen: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """Areas under the curves of one class: ``(r,)``."""
    hits = np.cumsum(found, axis=1, dtype=np.float64)
    precision = hits / np.maximum(np.cumsum(seen, axis=1, dtype=np.float64), 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    total = (found * envelope).sum(axis=1)
    return np.divide(total, positives, out=np.full(len(found), np.nan), where=positives > 0)
