"""The axes of a chart: from values to pixels, and round numbers for the ticks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]
"""The lowest and the highest value of an axis."""


@dataclass(frozen=True)
class Axis:
    """An axis of a chart: a range of values, and the pixels it is drawn on.

    Attributes:
        low: Lowest value on the axis.
        high: Highest value on the axis.
        begin: Position of the lowest value, pixels.
        end: Position of the highest value, pixels.
        log: Whether the axis is logarithmic.
    """

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Positions of values on the axis, pixels. Values outside the range are moved to its ends."""
        low, high = self._scaled(np.array([self.low, self.high]))
        parts = (self._scaled(values) - low) / (high - low)
        return self.begin + np.clip(parts, 0, 1) * (self.end - self.begin)

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        return np.log10(values) if self.log else values

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Position in pixels and text of about five round numbers, for the ticks of the axis."""
        return [(float(self(np.array(value))), f"{value:g}") for value in self._round_numbers()]

    def _round_numbers(self) -> list[float]:
        if self.log:
            exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1,) if len(exponents) > 4 else (1, 2, 5)
            numbers = [s * 10.0**e for e in exponents for s in steps if self.low <= s * 10.0**e <= self.high]
            if len(numbers) > 1:
                return numbers
        step = _round_up((self.high - self.low) / 5)
        return [i * step for i in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)]


def value_range(values: Sequence[np.ndarray], log: bool = False) -> Range:
    """The range of the finite numbers among values. It is never empty.

    Args:
        values: Arrays of values to show.
        log: Whether the axis is logarithmic, so that only positive values count.

    Returns:
        The lowest and the highest value.
    """
    known = np.concatenate([np.zeros(0), *values])
    known = known[np.isfinite(known)]
    if not known.size:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = float(known.min()), float(known.max())
    if low == high:
        return (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    return low, high


def _round_up(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
