"""Drawings as SVG: figures of a page, or a file of their own. They are sharp at any size and need no library."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal, NamedTuple

from multibox.report.part import Part, render
from multibox.writing import Kind, new_file

WIDTH: Final = 360
"""Width of a drawing, in its own pixels. On the page it takes the width that there is."""

GAP, HEAD, ROW = 24, 40, 18
"""Pixels around drawings in a file of their own, above them for their titles, and for each row of their legends."""

LETTER: Final = 6.2
"""Mean width of a character in the font of 11 pixels."""


class Key(NamedTuple):
    """An entry of a legend.

    Attributes:
        name: Name of what is drawn.
        color: Its colour.
        dash: Its dashes.
        mark: Its form.
    """

    name: str
    color: str
    dash: str = ""
    mark: Literal["line", "dot", "cross"] = "line"


class Drawing(Part):
    """A drawing with a title below it and a legend.

    Attributes:
        svg: Name of the template of the SVG elements.
        title: Title. With ``summary`` it is also the text for those who cannot see the drawing.
    """

    template: ClassVar[str] = "figure.html"
    svg: ClassVar[str]
    width: ClassVar[int] = WIDTH

    title: str

    @property
    def height(self) -> int:
        """Height of the drawing, in its own pixels."""
        raise NotImplementedError

    @property
    def summary(self) -> str:
        """What the drawing shows, as text."""
        raise NotImplementedError

    @property
    def legend(self) -> list[Key]:
        """Entries of the legend, if there is one."""
        return []


@dataclass(frozen=True)
class Panel:
    """A drawing in a file.

    Attributes:
        drawing: The drawing.
        left: Left edge, in pixels of the file.
        keys: Left and upper edge of each entry of its legend, in pixels of the panel.
    """

    drawing: Drawing
    left: int
    keys: Sequence[tuple[float, int, Key]]

    @property
    def height(self) -> int:
        """Height with title and legend, pixels."""
        lowest = max((top for _, top, _ in self.keys), default=self.drawing.height)
        return HEAD + lowest + GAP


def save_drawings(
    path: str | os.PathLike[str], title: str, drawings: Sequence[Drawing], *, replace: bool = False
) -> None:
    """Write drawings side by side as an SVG file.

    Args:
        path: Path of the file. Missing folders are made.
        title: Title for those who cannot see the drawings.
        drawings: The drawings.
        replace: Whether to replace a file that Multibox did not write.

    Raises:
        BadInput: There is such a file.
    """
    panels = [Panel(drawing, GAP + i * (WIDTH + GAP), _keys(drawing)) for i, drawing in enumerate(drawings)]
    size = {"width": GAP + len(panels) * (WIDTH + GAP), "height": max(panel.height for panel in panels)}
    text = render("drawings.svg", title=title, panels=panels, head=HEAD, **size)
    with new_file(path, SVG, replace=replace) as new:
        new.write_text(text, "utf-8")


def _keys(drawing: Drawing) -> list[tuple[float, int, Key]]:
    """The entries of a legend in rows, as far as their widths can be estimated."""
    keys, left, top = [], 0.0, drawing.height + ROW
    for key in drawing.legend:
        width = 40 + LETTER * len(key.name)
        if left and left + width > WIDTH:
            left, top = 0.0, top + ROW
        keys.append((left, top, key))
        left += width
    return keys


def _is_own(path: Path) -> bool:
    """Whether a file is one that Multibox wrote: its head says so."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _MARK in file.read(200)


SVG: Final = Kind("drawing", _is_own)

_MARK: Final = b'<svg id="multibox"'
