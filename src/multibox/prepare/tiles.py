"""Tiles: the rectangles in which a large image is searched, each rendered at the size of the network's input."""

import math
import re
from dataclasses import dataclass
from numbers import Real
from typing import Final

import numpy as np

from multibox.errors import BadInput
from multibox.prepare.window import Window, whole

MOST: Final = 10_000
"""Largest number of tiles per image. A larger number is surely a mistake."""

FORMS: Final = "a tile's side in pixels (640) or as a share of the image (0.25), rows and columns (2x3), or none"
"""The descriptions of tiles that a user can give."""


@dataclass(frozen=True)
class Tiles:
    """How an image is cut into tiles.

    Attributes:
        size: Side of a square tile, pixels of the image. If 0, ``share`` or ``grid`` is used instead.
        share: Side of a square tile as a share of the image's longer side. If 0, ``size`` or ``grid`` is used instead.
        grid: Number of rows and number of columns of tiles, used if ``size`` and ``share`` are 0.
        overlap: Smallest share of a tile's side by which neighbouring tiles overlap, in [0, 1).
    """

    size: int = 0
    share: float = 0.0
    grid: tuple[int, int] = (1, 1)
    overlap: float = 0.2

    def __str__(self) -> str:
        if self.size:
            return f"tiles of {self.size} pixels"
        if self.share:
            return f"tiles of {self.share:g} of an image's longer side"
        return f"{self.grid[0]}x{self.grid[1]} tiles"

    @classmethod
    def parse(cls, text: str) -> "Tiles | None":
        """Parse the description of tiles.

        Args:
            text: Side of a tile in pixels, such as ``640``, its share of the image's longer side, such as ``0.25``, or
                rows and columns, such as ``2x3``, or ``none``.

        Returns:
            Tiles of that size or number. None for ``none``.

        Raises:
            BadInput: The text has none of these forms.
        """
        text = text.strip().lower()
        if text == "none":
            return None
        if found := re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text):
            return cls(grid=(int(found[1]), int(found[2])))
        if re.fullmatch(r"[1-9]\d*", text):
            return cls(size=int(text))
        if re.fullmatch(r"0?\.\d*[1-9]\d*", text):
            return cls(share=float(text))
        raise BadInput("tiles", f"{text}: give {FORMS}")

    def side(self, image_size: tuple[int, int]) -> int:
        """Side of a square tile in pixels of an image, given the image's height and width. 0 for a grid."""
        return self.size or (max(1, round(self.share * max(image_size))) if self.share else 0)

    def regions(self, image_size: tuple[int, int]) -> list[Window]:
        """The rectangles of the image to search: the whole image, for objects larger than a tile, then the tiles.

        Args:
            image_size: Height and width of the image, pixels.

        Returns:
            Rectangles of the regions, in pixels of the image. If the image fits into one tile, it is the only region.

        Raises:
            BadInput: There would be more tiles than :data:`MOST`.
        """
        side = self.side(image_size)
        rows, columns = (self._spans(length, side, count) for length, count in zip(image_size, self.grid, strict=True))
        if len(rows) == len(columns) == 1:
            return [whole(image_size)]
        refuse_too_many(len(rows), len(columns), image_size)
        return [whole(image_size), *(Window(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns)]

    def _spans(self, length: int, side: int, count: int) -> list[tuple[float, float]]:
        """Start and end of the tiles along an axis: spans of equal length, in whole pixels, that cover the axis."""
        if side:
            side = min(side, length)
            count = max(1, math.ceil((length - self.overlap * side) / ((1 - self.overlap) * side) - 1e-9))
        else:
            side = math.ceil(length / (count - (count - 1) * self.overlap))
        starts = np.linspace(0, length - side, min(count, length)).round().tolist()
        return [(start, start + side) for start in starts]


def tiles_of(size: str | float) -> Tiles | None:
    """The tiles that a number or a text describes.

    Args:
        size: Side of a tile in whole pixels, its share of the image's longer side below 1, 0 for no tiles, or a text as
            :meth:`Tiles.parse` takes it.

    Returns:
        Tiles of that size or number. None for 0 and for ``none``.

    Raises:
        BadInput: The number or the text describes no tiles.
    """
    if isinstance(size, str):
        return Tiles.parse(size)
    if isinstance(size, Real) and not isinstance(size, bool):
        number = float(size)
        if 0 < number < 1:
            return Tiles(share=number)
        if number >= 0 and number.is_integer():
            return Tiles(size=int(number)) if number else None
    raise BadInput("tiles", f"{size}: give {FORMS}")


def refuse_too_many(rows: int, columns: int, image_size: tuple[int, int], field: str = "tiles") -> None:
    """Refuse more than :data:`MOST` tiles for an image.

    Args:
        rows: Number of rows of tiles.
        columns: Number of columns of tiles.
        image_size: Height and width of the image, pixels.
        field: Name of the parameter that decides on the tiles.

    Raises:
        BadInput: There are too many rows and columns of tiles.
    """
    if rows * columns > MOST:
        height, width = image_size
        size = f"{rows}x{columns} tiles for an image of {width} x {height}"
        raise BadInput(field, f"{size} are too many (at most {MOST}); use larger tiles")
