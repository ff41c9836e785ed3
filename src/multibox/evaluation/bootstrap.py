"""How sure a mean average precision is: the bootstrap over images.

As many images as there are get drawn with replacement, a few hundred times, and the figure is worked out each time
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13: percentile intervals). Whether a detection
hits does not depend on other images, so nothing is judged anew: a draw only says how often each image counts.

Precision is at its best at hits, so of all false alarms only their number between two hits is needed: that makes a
draw over a million detections a matter of milliseconds.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from multibox.evaluation.judged import Judged

DRAWS = 300
SHARE = 0.95
"""Of the draws, how many lie inside an interval."""

_AT_ONCE = 32
"""Draws that are worked on together, for the sake of memory."""


@dataclass(frozen=True)
class Interval:
    """A 95% confidence interval."""

    low: float
    high: float


def draw_weights(images: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Draw images with replacement.

    Args:
        images: how many there are, N.
        draws: how often, R.
        seed: the same seed draws the same.

    Returns:
        ``(R, N)`` float32: how often each image was drawn.
    """
    rng = np.random.default_rng(seed)
    drawn = [np.bincount(rng.integers(0, images, images), minlength=images) for _ in range(draws if images else 0)]
    return np.array(drawn, np.float32).reshape(len(drawn), images)


def resampled_ap(judged: Judged, weights: np.ndarray) -> np.ndarray:
    """Average precision (area, at the overlap that was judged by) of every draw.

    Args:
        judged: the detections.
        weights: ``(R, N)`` how often each image counts.

    Returns:
        ``(R, C)``; NaN where no object of a class was drawn.
    """
    truth, classes = judged.truth, len(judged.truth.classes)
    counts = np.zeros((len(truth.image_ids), classes), np.float32)
    np.add.at(counts, (truth.images[truth.counted], truth.labels[truth.counted]), 1)
    positives = weights @ counts  # (R, C)

    rows = [_until_last_hit(of_class, judged.hits) for of_class in judged.ranking]
    hit_counts = [int(judged.hits[of_class].sum()) for of_class in rows]
    ends = np.cumsum([0, *hit_counts])
    ranked = np.concatenate(rows)
    images, last = judged.found.images[ranked].astype(np.int32), np.flatnonzero(judged.hits[ranked])

    ap = np.where(positives > 0, 0.0, np.nan)
    for first in range(0, len(weights) if len(last) else 0, _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        found, seen = _between_hits(weights[part], images, last)
        for label, (begin, end) in enumerate(pairwise(ends)):
            if end > begin:
                ap[part, label] = _area(found[:, begin:end], seen[:, begin:end], positives[part, label])
    return ap


def interval(values: np.ndarray) -> Interval:
    """The middle 95% of draws ``(R,)``; draws without a value are left out."""
    known = values[~np.isnan(values)]
    if not known.size:
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(float(low), float(high))


def mean_over_classes(ap: np.ndarray) -> np.ndarray:
    """``(R,)`` of ``(R, C)``: the mean without NaN; NaN where nothing is left."""
    known = ~np.isnan(ap)
    total = np.where(known, ap, 0).sum(axis=1)
    return np.divide(total, known.sum(axis=1), out=np.full(len(ap), np.nan), where=known.any(axis=1))


def _until_last_hit(rows: np.ndarray, hits: np.ndarray) -> np.ndarray:
    at = np.flatnonzero(hits[rows])
    return rows[: at[-1] + 1] if at.size else rows[:0]


def _between_hits(weights: np.ndarray, images: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each draw, how often each hit counts, and how many detections count from one hit to the next: ``(r, H)``."""
    begins = np.append(0, last[:-1] + 1)
    found = weights[:, images[last]]
    seen = np.stack([np.add.reduceat(draw[images], begins) for draw in weights])
    return found, seen


def _area(found: np.ndarray, seen: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """``(r,)`` areas under the curves of one class."""
    hits = np.cumsum(found, axis=1, dtype=np.float64)
    precision = hits / np.maximum(np.cumsum(seen, axis=1, dtype=np.float64), 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    total = (found * envelope).sum(axis=1)
    return np.divide(total, positives, out=np.full(len(found), np.nan), where=positives > 0)
