"""Confidence intervals of the mean average precision, by the bootstrap over images.

N of the N images are drawn with replacement, a few hundred times, and the metric is computed for each draw (Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13: percentile intervals). Whether a detection is a hit does
not depend on other images. So a draw only changes how often each image counts, and no detection is matched again.

Precision has its local maxima at hits. So only the number of false alarms between two hits matters, and a draw over a
million detections takes milliseconds.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from multibox.evaluation.outcomes import Outcomes

DRAWS = 300
SHARE = 0.95
"""Share of the bootstrap draws that an interval contains."""

_AT_ONCE = 32
"""Number of draws that are computed together. A small number limits memory."""


@dataclass(frozen=True)
class Interval:
    """A 95% confidence interval of a metric, from ``low`` to ``high``."""

    low: float
    high: float


def draw_weights(images: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Draw images at random with replacement, and count how often each is drawn.

    Args:
        images: Number of images N in the test set.
        draws: Number of draws R, of N images each.
        seed: Seed of the random generator.

    Returns:
        ``(R, N)`` float32. Row r holds how often draw r contains each image.
    """
    rng = np.random.default_rng(seed)
    drawn = [np.bincount(rng.integers(0, images, images), minlength=images) for _ in range(draws if images else 0)]
    return np.array(drawn, np.float32).reshape(len(drawn), images)


def resampled_ap(outcomes: Outcomes, weights: np.ndarray) -> np.ndarray:
    """Average precision (area under the curve) of each class in every bootstrap draw.

    Args:
        outcomes: Hits and false alarms of the whole test set.
        weights: ``(R, N)`` number of times that each image counts in each draw, from :func:`draw_weights`.

    Returns:
        ``(R, C)`` average precisions in [0, 1] by draw and class. NaN if no object of the class was drawn.
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
    """The interval that contains the middle 95% of the values ``(R,)``. NaN values are left out."""
    known = values[~np.isnan(values)]
    if not known.size:
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(float(low), float(high))


def mean_over_classes(ap: np.ndarray) -> np.ndarray:
    """Mean of each row of ``(R, C)``, without NaN values: ``(R,)``. NaN for a row that has only NaN."""
    known = ~np.isnan(ap)
    total = np.where(known, ap, 0).sum(axis=1)
    return np.divide(total, known.sum(axis=1), out=np.full(len(ap), np.nan), where=known.any(axis=1))


def _until_last_hit(rows: np.ndarray, hits: np.ndarray) -> np.ndarray:
    at = np.flatnonzero(hits[rows])
    return rows[: at[-1] + 1] if at.size else rows[:0]


def _between_hits(weights: np.ndarray, images: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight of each hit, and of all detections from one hit to the next, in each draw: ``(r, H)`` each."""
    begins = np.append(0, last[:-1] + 1)
    found = weights[:, images[last]]
    seen = np.stack([np.add.reduceat(draw[images], begins) for draw in weights])
    return found, seen


def _area(found: np.ndarray, seen: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """Areas ``(r,)`` under the precision-recall curves of one class in r draws."""
    hits = np.cumsum(found, axis=1, dtype=np.float64)
    precision = hits / np.maximum(np.cumsum(seen, axis=1, dtype=np.float64), 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    total = (found * envelope).sum(axis=1)
    return np.divide(total, positives, out=np.full(len(found), np.nan), where=positives > 0)
