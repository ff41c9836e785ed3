"""Charts of lines and points."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final, Literal

import numpy as np

from multibox.report.axis import Axis, Range, value_range
from multibox.report.drawing import WIDTH, Drawing, Key

COLORS: Final = ("#2f7ed8", "#d9480f", "#2b8a3e", "#a63db8")
"""Colours of the lines. They are distinguishable on light and dark backgrounds, and each line also has its own
dashes."""
DASHES: Final = ("", "6 3", "2 3", "8 3 2 3")

MOST: Final = 400
"""Largest number of points of a drawn line. More points could not be distinguished."""

HEIGHT: Final = 230
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 34
"""Space for texts on the four sides of the axes, pixels."""


@dataclass(frozen=True)
class Line:
    """A line of a chart through points (x, y).

    Attributes:
        name: Name for the legend.
        x: Horizontal coordinates in rising order.
        y: Vertical coordinates, as many as ``x``. NaN leaves a gap in the line.
        marked: Whether each point has a mark, which suits lines of few points.
    """

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    marked: bool = False


@dataclass(frozen=True)
class Points:
    """Points (x, y) of a chart, without a line.

    Attributes:
        name: Name for the legend.
        x: Horizontal coordinates.
        y: Vertical coordinates, as many as ``x``.
        color: Colour of the points, in CSS notation.
        mark: Shape of each point, ``dot`` or ``cross``.
    """

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    color: str
    mark: Literal["dot", "cross"] = "dot"


@dataclass(frozen=True)
class DrawnLine:
    """A line of a chart, converted to pixels.

    Attributes:
        key: Entry of the line in the legend.
        polylines: Points of each part of the line between two gaps, pixels.
        dots: Positions of the marked points, pixels.
    """

    key: Key
    polylines: Sequence[str]
    dots: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class DrawnPoints:
    """Points of a chart, converted to pixels.

    Attributes:
        key: Entry of the points in the legend.
        path: All points as the data of one SVG path.
    """

    key: Key
    path: str


@dataclass(frozen=True)
class Chart(Drawing):
    """Lines and points over two axes.

    Attributes:
        title: Title below the chart.
        series: Series to draw: up to four lines, and any number of sets of points.
        x: Label of the horizontal axis.
        y: Label of the vertical axis.
        x_range: Lowest and highest value of the horizontal axis. None takes the range of the values.
        y_range: Lowest and highest value of the vertical axis. None takes the range of the values.
        x_log: Whether the horizontal axis is logarithmic. If so, values up to 0 are left out.
        y_log: Whether the vertical axis is logarithmic. If so, values up to 0 are left out.
        height: Height of the chart, in the chart's own pixels.
    """

    svg: ClassVar[str] = "chart.svg"

    title: str
    series: Sequence[Line | Points]
    x: str
    y: str = ""
    x_range: Range | None = None
    y_range: Range | None = None
    x_log: bool = False
    y_log: bool = False
    height: int = HEIGHT

    @property
    def left(self) -> int:
        """Position of the left edge of the area between the axes, pixels."""
        return LEFT

    @property
    def right(self) -> int:
        """Position of the right edge of the area between the axes, pixels."""
        return WIDTH - RIGHT

    @property
    def top(self) -> int:
        """Position of the upper edge of the area between the axes, pixels."""
        return TOP

    @property
    def floor(self) -> int:
        """Position of the lower edge of the area between the axes, pixels."""
        return self.height - BOTTOM

    @property
    def has_columns(self) -> bool:
        """Whether to draw vertical grid lines, which help with charts of points."""
        return any(isinstance(one, Points) for one in self.series)

    @cached_property
    def x_axis(self) -> Axis:
        """The horizontal axis, with its range of values and pixels."""
        low, high = self.x_range or value_range([x for x, _ in self._values], self.x_log)
        return Axis(low, high, self.left, self.right, self.x_log)

    @cached_property
    def y_axis(self) -> Axis:
        """The vertical axis, with its range of values and pixels."""
        low, high = self.y_range or value_range([y for _, y in self._values], self.y_log)
        return Axis(low, high, self.floor, self.top, self.y_log)

    @cached_property
    def _values(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Coordinates of each series. Values that the axes cannot show are NaN, and long lines are thinned."""
        values = []
        for one in self.series:
            x, y = np.asarray(one.x, np.float64), np.asarray(one.y, np.float64)
            if isinstance(one, Line) and len(x) > MOST:
                rows = np.unique(np.linspace(0, len(x) - 1, MOST).astype(int))
                x, y = x[rows], y[rows]
            values.append((_positive(x) if self.x_log else x, _positive(y) if self.y_log else y))
        return values

    @property
    def drawn(self) -> list[DrawnLine | DrawnPoints]:
        """All series, converted to pixels."""
        series: list[DrawnLine | DrawnPoints] = []
        for key, one, (x, y) in zip(self._keys, self.series, self._values, strict=True):
            known = np.isfinite(x) & np.isfinite(y)
            pixels = np.column_stack([self.x_axis(x), self.y_axis(y)])
            if isinstance(one, Points):
                series.append(DrawnPoints(key, _path(pixels[known], one.mark)))
            else:
                series.append(_draw_line(key, pixels, known, one.marked))
        return series

    @property
    def _keys(self) -> list[Key]:
        styles = zip(COLORS, DASHES, strict=True)
        return [
            Key(one.name, one.color, mark=one.mark) if isinstance(one, Points) else Key(one.name, *next(styles))
            for one in self.series
        ]

    @property
    def legend(self) -> list[Key]:
        """Entries of the legend. A chart of a single line has no legend."""
        return self._keys if len(self.series) > 1 else []

    @property
    def summary(self) -> str:
        """Text for readers who cannot see the chart: the ends of each line, and the number of points."""
        rows = zip(self.series, self._values, strict=True)
        return "; ".join(f"{one.name}: {_summary(one, y)}" for one, (_, y) in rows)


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.nan)


def _draw_line(key: Key, pixels: np.ndarray, known: np.ndarray, marked: bool) -> DrawnLine:
    pieces = np.split(np.arange(len(pixels)), np.flatnonzero(~known))
    joined = [" ".join(f"{x:.1f},{y:.1f}" for x, y in pixels[piece[known[piece]]]) for piece in pieces]
    polylines = [text for text in joined if " " in text]
    dots = pixels[known] if marked or not polylines else pixels[:0]
    return DrawnLine(key, polylines, [(x, y) for x, y in dots.tolist()])


def _path(pixels: np.ndarray, mark: str) -> str:
    """Data of one SVG path for all points, without duplicates. A dot is a line of no length with round ends."""
    places = np.unique(np.round(pixels * 2) / 2, axis=0).tolist()
    if mark == "dot":
        return "".join(f"M{x:g} {y:g}h0" for x, y in places)
    return "".join(f"M{x - 4:g} {y - 4:g}l8 8m0-8l-8 8" for x, y in places)


def _summary(one: Line | Points, y: np.ndarray) -> str:
    known = y[np.isfinite(y)]
    if isinstance(one, Points):
        return f"{len(known):,} points"
    return f"from {known[0]:.3g} to {known[-1]:.3g}" if known.size else "nothing yet"
