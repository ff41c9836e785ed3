"""Mosaic: four images about a random point (YOLOv4, arXiv 2004.10934, section 3.3).

The network sees objects in the company of others, and four images in each step; its batch statistics see four times as
many. The authors paste four images and cut a patch out of the whole. Here each image is made to the size of its quarter
by the ordinary steps, so a mosaic is four ordinary small examples side by side, and nothing of them is cut off again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from multibox.config import Mosaic
from multibox.data.record import Objects, join_objects
from multibox.prepare.window import Window, from_window, look_through, whole


@dataclass(frozen=True)
class Quarter:
    """One of the four rectangles of a mosaic.

    Attributes:
        rows: pixels of the whole.
        columns: likewise.
    """

    rows: slice
    columns: slice

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def quarters(
    rng: np.random.Generator, size: tuple[int, int], config: Mosaic
) -> tuple[Quarter, Quarter, Quarter, Quarter]:
    """Choose the point where four pictures meet.

    Whether there is a mosaic at all is for the caller to draw, who has to fetch the other three images.

    Args:
        rng: the source of chance.
        size: height and width of the whole, pixels, each at least 2.
        config: where the point may lie.

    Returns:
        upper left, upper right, lower left, lower right; together the whole, each of at least one pixel.
    """
    height, width = size
    middle = np.round(rng.uniform(*config.center, 2) * size)
    row, column = (int(at) for at in middle.clip(1, (height - 1, width - 1)))
    upper, lower = slice(0, row), slice(row, height)
    left, right = slice(0, column), slice(column, width)
    return Quarter(upper, left), Quarter(upper, right), Quarter(lower, left), Quarter(lower, right)


def join(
    pictures: Sequence[tuple[np.ndarray, Objects]], quarters: Sequence[Quarter], size: tuple[int, int]
) -> tuple[np.ndarray, Objects]:
    """Put four pictures side by side.

    Args:
        pictures: of each quarter the image, ``(*quarter.size, 3)`` uint8 RGB, and its objects, relative to it.
        quarters: where each goes, as :func:`quarters` gives them.
        size: height and width of the whole, pixels.

    Returns:
        ``(*size, 3)`` uint8 RGB, and all objects, picture after picture, their boxes relative to the whole.
    """
    output = np.empty((*size, 3), np.uint8)
    parts = []
    for (image, objects_rel), quarter in zip(pictures, quarters, strict=True):
        rows, columns = quarter.rows, quarter.columns
        output[rows, columns] = image
        boxes = from_window(objects_rel.boxes, Window(columns.start, rows.start, columns.stop, rows.stop))
        parts.append(look_through(replace(objects_rel, boxes=boxes), whole(size)))
    return output, join_objects(parts)
