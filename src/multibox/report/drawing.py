"""Drawings as SVG: figures of a page, or a file of their own. They are sharp at any size and need no library."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal, NamedTuple

from multibox.report.part import Part, render
from multibox.writing import Kind, new_file

WIDTH: Final = 360
"""Width of a drawing, in the drawing's own pixels. On a page it is scaled to the available width."""

GAP, HEAD, ROW = 24, 40, 18
"""Space around the drawings in an SVG file, space for their titles, and height of a row of a legend, all in pixels."""

LETTER: Final = 6.2
"""Estimated mean width of a character in the font of 11 pixels, pixels."""


class Key(NamedTuple):
    """An entry of a legend.

    Attributes:
        name: Name of the series.
        color: Colour of the series, in CSS notation.
        dash: Dashes of the series' line, as SVG's ``stroke-dasharray``. Empty for a solid line.
        mark: Symbol before the name in the legend: ``line``, ``dot`` or ``cross``.
    """

    name: str
    color: str
    dash: str = ""
    mark: Literal["line", "dot", "cross"] = "line"


class Drawing(Part):
    """A drawing with a title below it and a legend.

    Attributes:
        svg: Name of the template that renders the drawing's SVG elements.
        title: Title below the drawing. Together with ``summary`` it is also the text for readers who cannot see the
            drawing.
    """

    template: ClassVar[str] = "figure.html"
    svg: ClassVar[str]
    width: ClassVar[int] = WIDTH

    title: str

    @property
    def height(self) -> int:
        """Height of the drawing, in the drawing's own pixels."""
        raise NotImplementedError

    @property
    def summary(self) -> str:
        """Text for readers who cannot see the drawing: what it shows."""
        raise NotImplementedError

    @property
    def legend(self) -> list[Key]:
        """Entries of the legend, empty if the drawing has none."""
        return []


@dataclass(frozen=True)
class Panel:
    """A drawing with its place in an SVG file.

    Attributes:
        drawing: Drawing to place in the file.
        left: Left edge of the drawing, in pixels of the file.
        keys: Each entry of the legend with its left and upper edge in pixels of the panel.
    """

    drawing: Drawing
    left: int
    keys: Sequence[tuple[float, int, Key]]

    @property
    def height(self) -> int:
        """Height of the drawing with title and legend, pixels."""
        lowest = max((top for _, top, _ in self.keys), default=self.drawing.height)
        return HEAD + lowest + GAP


def save_drawings(
    path: str | os.PathLike[str], title: str, drawings: Sequence[Drawing], *, replace: bool = False
) -> None:
    """Write drawings side by side as an SVG file.

    Args:
        path: Path of the file. Missing folders are made.
        title: Title of the file, for readers who cannot see the drawings.
        drawings: Drawings, from left to right.
        replace: Whether to replace a file that Multibox did not write.

    Raises:
        BadInput: The path holds a file that Multibox did not write, and ``replace`` is not set.
    """
    panels = [Panel(drawing, GAP + i * (WIDTH + GAP), _keys(drawing)) for i, drawing in enumerate(drawings)]
    size = {"width": GAP + len(panels) * (WIDTH + GAP), "height": max(panel.height for panel in panels)}
    text = render("drawings.svg", title=title, panels=panels, head=HEAD, **size)
    with new_file(path, SVG, replace=replace) as new:
        new.write_text(text, "utf-8")


def _keys(drawing: Drawing) -> list[tuple[float, int, Key]]:
    """Places of the entries of a legend, in rows. The widths of the entries are estimated."""
    keys, left, top = [], 0.0, drawing.height + ROW
    for key in drawing.legend:
        width = 40 + LETTER * len(key.name)
        if left and left + width > WIDTH:
            left, top = 0.0, top + ROW
        keys.append((left, top, key))
        left += width
    return keys


def _is_own(path: Path) -> bool:
    """Whether Multibox wrote an SVG file, which its first bytes say."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _MARK in file.read(200)


SVG: Final = Kind("drawing", _is_own)

_MARK: Final = b'<svg id="multibox"'
