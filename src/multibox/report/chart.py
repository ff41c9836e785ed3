"""Charts of lines as SVG within a page: sharp at any size, in the page's colours, and no library draws them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multibox.report.page import Html, escape

COLORS = ("#2f7ed8", "#d9480f", "#2b8a3e", "#a63db8")
"""Of the lines; told apart, by their dashes too, on a light and on a dark ground."""
DASHES = ("", "6 3", "2 3", "8 3 2 3")

POINTS = 400
"""How many points of a line are drawn at most; more cannot be seen."""

WIDTH, HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 34


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: for the legend.
        x: numbers, not decreasing.
        y: as many; NaN leaves a gap.
        marked: whether each point is marked, as for few points.
    """

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    marked: bool = False


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Where values are, pixels."""
        low, high = self._bent(np.array([self.low, self.high]))
        return self.begin + (self._bent(values) - low) / (high - low) * (self.end - self.begin)

    def _bent(self, values: np.ndarray) -> np.ndarray:
        return np.log10(values) if self.log else values

    def ticks(self) -> list[float]:
        """Round numbers, about five of them."""
        if self.log:
            exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1,) if len(exponents) > 4 else (1, 2, 5)
            ticks = [s * 10.0**e for e in exponents for s in steps if self.low <= s * 10.0**e <= self.high]
            if len(ticks) > 1:
                return ticks
        step = _round_up((self.high - self.low) / 5)
        return [i * step for i in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)]


def chart(
    title: str,
    lines: Sequence[Line],
    *,
    x: str,
    y: str = "",
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    log: bool = False,
) -> Html:
    """Draw lines over a common x.

    Args:
        title: below the chart; together with where the lines end, it is what those hear who cannot see the chart.
        lines: up to four.
        x: what x is.
        y: what y is.
        x_range: lowest and highest x; else those of the lines.
        y_range: lowest and highest y; else those of the lines.
        log: whether y is logarithmic; what is not above 0 is left out then.

    Returns:
        the figure.
    """
    points = [_points(line, log) for line in lines]
    x_axis = _Axis(*_range(x_range, [xs for xs, _ in points]), LEFT, WIDTH - RIGHT)
    y_axis = _Axis(*_range(y_range, [ys for _, ys in points], log), HEIGHT - BOTTOM, TOP, log)
    drawn = [_line(line, i, x_axis, y_axis, *points[i]) for i, line in enumerate(lines)]
    ends = "; ".join(_end(line, *points[i]) for i, line in enumerate(lines))
    return Html(
        f'<figure><svg role="img" aria-label="{escape(f"{title}. {ends}")}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'style="width:100%;max-width:{WIDTH * 1.4:.0f}px;font:11px system-ui,sans-serif">\n'
        f"{_frame(x_axis, y_axis, x, y)}\n{''.join(drawn)}</svg>\n"
        f"<figcaption>{escape(title)}{_legend(lines)}</figcaption></figure>"
    )


def _points(line: Line, log: bool) -> tuple[np.ndarray, np.ndarray]:
    xs, ys = np.asarray(line.x, np.float64), np.asarray(line.y, np.float64)
    if len(xs) > POINTS:
        rows = np.unique(np.linspace(0, len(xs) - 1, POINTS).astype(int))
        xs, ys = xs[rows], ys[rows]
    return xs, np.where(ys > 0, ys, np.nan) if log else ys


def _range(given: tuple[float, float] | None, values: list[np.ndarray], log: bool = False) -> tuple[float, float]:
    if given is not None:
        return given
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


def _line(line: Line, i: int, x_axis: _Axis, y_axis: _Axis, xs: np.ndarray, ys: np.ndarray) -> str:
    known = np.isfinite(xs) & np.isfinite(ys)
    pixels = np.column_stack([x_axis(xs), np.clip(y_axis(ys), TOP, HEIGHT - BOTTOM)])
    pieces = np.split(np.arange(len(xs)), np.flatnonzero(~known))
    joined = [" ".join(f"{a:.1f},{b:.1f}" for a, b in pixels[piece[known[piece]]]) for piece in pieces]
    style = f'fill="none" stroke="{COLORS[i]}" stroke-width="1.6" stroke-dasharray="{DASHES[i]}"'
    drawn = [f'<polyline points="{text}" {style}/>' for text in joined if " " in text]
    marked = known if line.marked or not drawn else np.zeros(len(xs), bool)
    dots = [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6" fill="{COLORS[i]}"/>' for a, b in pixels[marked]]
    return "".join([*drawn, *dots]) + "\n"


def _frame(x_axis: _Axis, y_axis: _Axis, x: str, y: str) -> str:
    floor = HEIGHT - BOTTOM
    parts = []
    for value in x_axis.ticks():
        at = float(x_axis(np.array(value)))
        parts.append(f'<text x="{at:.1f}" y="{floor + 14}" text-anchor="middle">{value:g}</text>')
    for value in y_axis.ticks():
        at = float(y_axis(np.array(value)))
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="var(--line)"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 3}" text-anchor="middle">{escape(x)}</text>')
    if y:
        middle = (TOP + floor) / 2
        turned = f'transform="rotate(-90 10 {middle})"'
        parts.append(f'<text x="10" y="{middle}" text-anchor="middle" {turned}>{escape(y)}</text>')
    return f'<g fill="var(--soft)" stroke="none">{"".join(parts)}</g>'


def _legend(lines: Sequence[Line]) -> str:
    if len(lines) < 2:
        return ""
    entries = [
        '<span style="margin-right:0.8em;white-space:nowrap">'
        '<svg viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">'
        f'<path d="M0 4H24" stroke="{COLORS[i]}" stroke-width="2" stroke-dasharray="{DASHES[i]}"/></svg> '
        f"{escape(line.name)}</span>"
        for i, line in enumerate(lines)
    ]
    return "<br/>" + " ".join(entries)


def _end(line: Line, xs: np.ndarray, ys: np.ndarray) -> str:
    known = np.flatnonzero(np.isfinite(ys))
    if not known.size:
        return f"{line.name}: nothing yet"
    first, last = ys[known[0]], ys[known[-1]]
    return f"{line.name}: from {first:.3g} to {last:.3g}"
