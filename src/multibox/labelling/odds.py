"""The odds that evidence comes from an error, learned by logistic regression from errors that were made on purpose."""

from dataclasses import dataclass
from typing import Final

import numpy as np

RIDGE: Final = 1.0
"""Weight of the squared coefficients against the log likelihood. It keeps them finite where a few examples are
separated."""

STEPS: Final = 25
FEWEST: Final = 5
"""Number of examples of each kind below which nothing is learned."""


@dataclass(frozen=True, eq=False)
class Odds:
    """Log odds that are linear in features.

    Attributes:
        middle: ``(F,)`` mean of each feature in the examples.
        spread: ``(F,)`` standard deviation of each feature, or 1 if it is constant.
        weights: ``(F + 1,)`` coefficient of each standardised feature, and the intercept.
    """

    middle: np.ndarray
    spread: np.ndarray
    weights: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Log odds ``(N,)`` of N rows of features ``(N, F)`` if errors and others were equally frequent."""
        return _with_one((features - self.middle) / self.spread) @ self.weights


def learn(right: np.ndarray, wrong: np.ndarray) -> Odds | None:
    """Learn what tells errors from others.

    Both kinds have the same weight in total, so a few unknown errors among ``right`` change little.

    Args:
        right: ``(N, F)`` features of examples that are mostly right.
        wrong: ``(M, F)`` features of errors.

    Returns:
        The log odds. None if there are too few examples.
    """
    if min(len(right), len(wrong)) < FEWEST:
        return None
    both = np.concatenate([right, wrong])
    middle, spread = both.mean(axis=0), both.std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1.0)
    rows = _with_one((both - middle) / spread)
    target = np.repeat([0.0, 1.0], [len(right), len(wrong)])
    share = np.where(target > 0, len(both) / 2 / len(wrong), len(both) / 2 / len(right))
    ridge = np.full(rows.shape[1], RIDGE)
    ridge[-1] = 1e-6
    weights = np.zeros(rows.shape[1])
    for _ in range(STEPS):  # Newton's method
        guess = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = rows.T @ (share * (guess - target)) + ridge * weights
        curvature = (rows * (share * guess * (1 - guess))[:, None]).T @ rows + np.diag(ridge)
        step = np.linalg.solve(curvature, slope)
        weights = weights - step * min(1.0, 5.0 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-6:
            break
    return Odds(middle, spread, weights)


def _with_one(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
