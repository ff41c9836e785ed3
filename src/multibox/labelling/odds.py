"""The odds that evidence comes from an error, learned by logistic regression from errors that were made on purpose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

RIDGE: Final = 0.3
"""Weight of the squared coefficients against the log likelihood. It keeps them finite where examples are separated."""

STEPS: Final = 30
LONGEST_STEP: Final = 3.0
FEWEST: Final = 5
"""Number of examples of a kind below which nothing is learned about it."""


@dataclass(frozen=True, eq=False)
class Odds:
    """Log odds of K kinds of errors, linear in F features.

    Attributes:
        middle: ``(F,)`` mean of each feature in the examples.
        spread: ``(F,)`` standard deviation of each feature, or 1 if it is constant.
        weights: ``(F + 1, K)`` coefficients of the standardised features, and the intercept in the last row.
        known: ``(K,)`` bool, whether there were examples enough of each kind.
    """

    middle: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    known: np.ndarray

    def chances(self, features: np.ndarray, rate: float) -> np.ndarray:
        """Probability of each kind of error.

        Args:
            features: ``(N, F)`` features.
            rate: Share of errors of each kind, in relation to what is right.

        Returns:
            ``(N, K)`` probabilities. What is missing to 1 is the probability that nothing is wrong.
        """
        log_odds = _with_one((features - self.middle) / self.spread) @ self.weights + np.log(rate)
        return _softmax(np.where(self.known, log_odds, -np.inf))


def learn(right: np.ndarray, wrong: Sequence[np.ndarray]) -> Odds | None:
    """Learn what tells several kinds of errors from what is right, and from one another.

    Each kind has the same weight in total, so a few unknown errors among ``right`` change little, and the number of
    errors made on purpose changes nothing.

    Args:
        right: ``(N, F)`` features of examples that are mostly right.
        wrong: ``(M, F)`` features of errors, for each of K kinds.

    Returns:
        The log odds. None if there are too few examples.
    """
    known = np.array([len(each) >= FEWEST for each in wrong])
    if len(right) < FEWEST or not known.any():
        return None
    parts = [right, *(each for each, enough in zip(wrong, known, strict=True) if enough)]
    both = np.concatenate(parts)
    middle, spread = both.mean(axis=0), both.std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1.0)
    kind = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    share = np.array([len(right) / len(part) for part in parts])[kind]
    weights = np.zeros((both.shape[1] + 1, len(wrong)))
    weights[:, known] = _fit(_with_one((both - middle) / spread), kind[:, None] == np.arange(1, len(parts)), share)
    return Odds(middle, spread, weights, known)


def _fit(rows: np.ndarray, target: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Newton's method for the coefficients ``(F, K)`` that make the examples most likely."""
    features, kinds = rows.shape[1], target.shape[1]
    weights = np.zeros((features, kinds))
    ridge = np.full(features, RIDGE)
    ridge[-1] = 1e-3
    for _ in range(STEPS):
        guess = _softmax(rows @ weights)
        slope = rows.T @ (share[:, None] * (guess - target)) + ridge[:, None] * weights
        curvature = np.zeros((kinds, features, kinds, features))
        for a in range(kinds):
            for b in range(kinds):
                bend = share * guess[:, a] * ((a == b) - guess[:, b])
                curvature[a, :, b] = (rows * bend[:, None]).T @ rows + (a == b) * np.diag(ridge)
        size = kinds * features
        step = np.linalg.solve(curvature.reshape(size, size), slope.T.ravel()).reshape(kinds, features).T
        longest = np.abs(step).max()
        weights -= step * min(1.0, LONGEST_STEP / max(longest, 1e-12))
        if longest < 1e-6:
            break
    return weights


def _softmax(log_odds: np.ndarray) -> np.ndarray:
    """Probabilities ``(N, K)`` of kinds with log odds against one more kind, which has none."""
    top = np.maximum(log_odds.max(axis=1, keepdims=True), 0)
    powers = np.exp(log_odds - top)
    return powers / (powers.sum(axis=1, keepdims=True) + np.exp(-top))


def _with_one(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
