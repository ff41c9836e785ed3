"""Mosaic: four images joined around a random point (YOLOv4, arXiv 2004.10934, section 3.3).

The network sees objects among others that are not usually there, and batch statistics cover four times as many images.
The authors paste four images together and cut a patch out of the result. Here the ordinary steps render each image at
the size of its quarter. So a mosaic is made of four small ordinary examples, which are not cropped again.
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
        rows: Rows of the mosaic that the rectangle covers, pixels.
        columns: Columns of the mosaic that the rectangle covers, pixels.
    """

    rows: slice
    columns: slice

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the rectangle, pixels."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def draw_quarters(
    rng: np.random.Generator, size: tuple[int, int], config: Mosaic
) -> tuple[Quarter, Quarter, Quarter, Quarter]:
    """Draw the point where four images meet, and return their rectangles.

    The caller draws whether there is a mosaic at all, because it must fetch the other three images.

    Args:
        rng: Random generator.
        size: Height and width of the mosaic, pixels, each at least 2.
        config: Configuration of mosaic, of which ``center``, the range of the point where the images meet, is used.

    Returns:
        Rectangles of the upper left, upper right, lower left and lower right image, each at least one pixel wide and
        high.
    """
    height, width = size
    middle = np.round(rng.uniform(*config.center, 2) * size)
    row, column = (int(at) for at in middle.clip(1, (height - 1, width - 1)))
    upper, lower = slice(0, row), slice(row, height)
    left, right = slice(0, column), slice(column, width)
    return Quarter(upper, left), Quarter(upper, right), Quarter(lower, left), Quarter(lower, right)


def join(
    images: Sequence[tuple[np.ndarray, Objects]], quarters: Sequence[Quarter], size: tuple[int, int]
) -> tuple[np.ndarray, Objects]:
    """Put four images together, one in each quarter of a mosaic.

    Args:
        images: Image of each quarter, ``(*quarter.size, 3)`` uint8 RGB, and its objects, their boxes relative to the
            image.
        quarters: Rectangles of the images, as :func:`draw_quarters` returns them.
        size: Height and width of the mosaic, pixels.

    Returns:
        ``(*size, 3)`` uint8 RGB, and all objects, image after image, their boxes relative to the mosaic.
    """
    output = np.empty((*size, 3), np.uint8)
    parts = []
    for (image, objects_rel), quarter in zip(images, quarters, strict=True):
        rows, columns = quarter.rows, quarter.columns
        output[rows, columns] = image
        boxes = from_window(objects_rel.boxes, Window(columns.start, rows.start, columns.stop, rows.stop))
        parts.append(look_through(replace(objects_rel, boxes=boxes), whole(size)))
    return output, join_objects(parts)
