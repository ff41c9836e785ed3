"""Figures of the guide: photos with boxes, lines and words on them, as SVG."""

import base64
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np

from multibox.draw import PALETTE
from multibox.report.chart import Chart

INK = "currentColor"
BLUE, RED, GREEN, ORANGE, GREY = (f"rgb{PALETTE[i]}" for i in (1, 0, 2, 3, 15))


def color_of(label: int) -> str:
    """The colour of a class, as in :mod:`multibox.draw`."""
    return f"rgb{PALETTE[int(label) % len(PALETTE)]}"


class Figure:
    """A drawing surface with units of its own, whatever size it is shown at.

    Args:
        width: Width in units.
        height: Height in units.
        alt: Text for readers who cannot see the figure.
        left: Smallest x.
        top: Smallest y.
        text: Height of text, units.
    """

    def __init__(self, width: float, height: float, alt: str = "", *, left: float = 0, top: float = 0, text: float = 0):
        self.view = (left, top, width, height)
        self.alt = alt
        self.size = text or min(width, height) / 26
        self.parts: list[str] = []
        self.labels: list[tuple[float, float, float]] = []  # x, y and width of each

    def image(self, pixels: np.ndarray, box: Sequence[float] | None = None, *, sharp: bool = False) -> "Figure":
        """Draw an RGB image ``(H, W, 3)`` into ``box``, or in its own size at 0, 0. ``sharp`` shows its pixels."""
        x0, y0, x1, y1 = (0, 0, pixels.shape[1], pixels.shape[0]) if box is None else box
        options = [cv2.IMWRITE_JPEG_QUALITY, 88]
        _, data = cv2.imencode(".png", pixels[..., ::-1]) if sharp else cv2.imencode(".jpg", pixels[..., ::-1], options)
        kind, style = ("png", ' style="image-rendering:pixelated"') if sharp else ("jpeg", "")
        href = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        size = f'width="{x1 - x0:.1f}" height="{y1 - y0:.1f}"'
        self.parts.append(f'<image x="{x0:.1f}" y="{y0:.1f}" {size} preserveAspectRatio="none" href="{href}"{style}/>')
        return self

    def box(
        self,
        box: Sequence[float],
        color: str = INK,
        name: str = "",
        *,
        width: float = 2,
        dash: str = "",
        fill: float = 0,
        opacity: float = 1,
    ) -> "Figure":
        """Draw the outline of a box, with its name above. ``fill`` is the opacity of its inside."""
        x0, y0, x1, y1 = map(float, box)
        self.parts.append(
            f'<rect x="{x0:.2f}" y="{y0:.2f}" width="{x1 - x0:.2f}" height="{y1 - y0:.2f}" fill="{color}" '
            f'fill-opacity="{fill}" stroke="{color}" stroke-width="{width}" stroke-dasharray="{dash}" '
            f'opacity="{opacity}" vector-effect="non-scaling-stroke"/>'
        )
        return self.label(x0, y0, name, color) if name else self

    def label(self, x: float, y: float, name: str, color: str) -> "Figure":
        """Draw a name on ``color``, its lower left corner at ``x, y``, inside the figure and clear of other names."""
        high, wide = self.size * 1.35, self.size * (0.6 * len(name) + 0.9)
        left, top, width, height = self.view
        x, y = min(max(x, left), left + width - wide), min(max(y, top + high), top + height)
        places = [y, *(y + i * high for i in (1, 2, 3, -1) if top + high <= y + i * high <= top + height)]
        y = next((place for place in places if self._is_free(x, place, wide, high)), y)
        self.labels.append((x, y, wide))
        tone = np.dot([float(n) for n in color[4:-1].split(",")], (0.299, 0.587, 0.114)) if color != INK else 0
        self.parts.append(f'<rect x="{x:.1f}" y="{y - high:.1f}" width="{wide:.1f}" height="{high}" fill="{color}"/>')
        return self.text(x + self.size * 0.35, y - self.size * 0.35, name, kind="off" if tone > 140 else "on")

    def _is_free(self, x: float, y: float, wide: float, high: float) -> bool:
        return not any(u - wide < x < u + w and abs(v - y) < 0.9 * high for u, v, w in self.labels)

    def text(
        self, x: float, y: float, words: str, *, kind: str = "", anchor: str = "start", size: float = 1
    ) -> "Figure":
        """Draw text at ``x, y``. ``kind`` is ``on`` a dark ground, ``off`` it, ``soft``, or nothing."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{self.size * size:.2f}" text-anchor="{anchor}" '
            f'class="{kind}">{escape(words)}</text>'
        )
        return self

    def line(
        self, x0: float, y0: float, x1: float, y1: float, color: str = INK, *, width: float = 1, dash: str = "",
        opacity: float = 1,
    ) -> "Figure":  # fmt: skip
        """Draw a line."""
        self.parts.append(
            f'<path d="M{x0:.2f} {y0:.2f}L{x1:.2f} {y1:.2f}" stroke="{color}" stroke-width="{width}" '
            f'opacity="{opacity}" stroke-dasharray="{dash}" vector-effect="non-scaling-stroke"/>'
        )
        return self

    def dot(self, x: float, y: float, color: str = INK, *, size: float = 3) -> "Figure":
        """Draw a point."""
        self.parts.append(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{size}" fill="{color}"/>')
        return self

    def grid(self, rows: int, columns: int, box: Sequence[float], color: str, *, opacity: float = 0.8) -> "Figure":
        """Draw lines between the cells of a map over ``box``."""
        x0, y0, x1, y1 = box
        across = [f"M{x:.2f} {y0}V{y1}" for x in np.linspace(x0, x1, columns + 1)]
        down = [f"M{x0} {y:.2f}H{x1}" for y in np.linspace(y0, y1, rows + 1)]
        self.parts.append(
            f'<path d="{"".join(across + down)}" stroke="{color}" stroke-width="0.8" opacity="{opacity}" '
            'vector-effect="non-scaling-stroke"/>'
        )
        return self

    def inside(self, other: "Figure", box: Sequence[float]) -> "Figure":
        """Draw another figure into ``box``."""
        x0, y0, x1, y1 = box
        view = " ".join(f"{n:g}" for n in other.view)
        size = f'x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}"'
        self.parts.append(f'<svg {size} viewBox="{view}">{"".join(other.parts)}</svg>')
        return self

    def __str__(self) -> str:
        view = " ".join(f"{n:g}" for n in self.view)
        return f'<svg role="img" aria-label="{escape(self.alt)}" viewBox="{view}">{"".join(self.parts)}</svg>'


def row(figures: Sequence[Figure], titles: Sequence[str], alt: str, *, columns: int = 0, width: float = 240) -> Figure:
    """Put figures beside each other, each with a title below or none.

    Args:
        figures: Figures of about the same shape.
        titles: Title of each figure.
        alt: Text for readers who cannot see the figures.
        columns: Number of figures in a row, or 0 for all in one row.
        width: Width of each figure, units.
    """
    columns = columns or len(figures)
    heights = [figure.view[3] / figure.view[2] * width for figure in figures]
    high, gap = max(heights), 12.0
    across = columns * (width + gap) - gap
    text = across / 60  # the same on the page, however many figures there are
    step = high + (text * 2.5 if any(titles) else gap)
    whole = Figure(across, -(-len(figures) // columns) * step - gap, alt, text=text)
    for i, (figure, title) in enumerate(zip(figures, titles, strict=True)):
        x, y = i % columns * (width + gap), i // columns * step
        whole.inside(figure, (x, y, x + width, y + heights[i]))
        if title:
            whole.text(x + width / 2, y + high + text * 1.3, title, anchor="middle", kind="soft")
    return whole


def beside(charts: Sequence[Chart]) -> str:
    """Put charts beside each other if there is room."""
    return f'<div class="charts">{"".join(chart.html() for chart in charts)}</div>'
