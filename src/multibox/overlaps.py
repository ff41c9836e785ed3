"""Finds which boxes of two large sets overlap, without comparing all pairs.

An image may hold thousands of objects, and a network thousands of priors. The boxes are divided into blocks of
neighbours. A block is only compared with boxes that intersect its bounding box.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from multibox.boxes import iou, to_centers

MOST: Final = 64
"""Largest number of boxes in a block."""


@dataclass(frozen=True, eq=False)
class Block:
    """Neighbouring boxes, and all boxes that may overlap any of them.

    Attributes:
        rows: ``(N,)`` positions of the neighbouring boxes in the first array, in rising order.
        columns: ``(M,)`` positions of the boxes of the second array that may overlap them, in rising order. M is at
            least 1.
        iou: ``(N, M)`` IoU of each of the N boxes with each of the M boxes, in [0, 1].
    """

    rows: np.ndarray
    columns: np.ndarray
    iou: np.ndarray


def overlapping(a: np.ndarray, b: np.ndarray) -> Iterator[Block]:
    """Compute the IoU of boxes with all boxes that may overlap them, in blocks.

    The values are exactly those of :func:`~multibox.boxes.iou`.

    Args:
        a: ``(N, 4)`` corners x0, y0, x1, y1 of the boxes in the rows of the blocks. N may be 0.
        b: ``(M, 4)`` corners x0, y0, x1, y1 of the boxes in the columns of the blocks, in the units of ``a``. M may be
            0.

    Yields:
        Blocks. Each pair of boxes with an IoU above 0 is in exactly one block, and each box of ``a`` in at most one.
    """
    if len(a) == 0 or len(b) == 0:
        return
    if len(a) <= MOST:  # to search for the boxes that are near would cost more than it saves
        yield Block(np.arange(len(a)), np.arange(len(b)), iou(a, b))
        return
    for rows in neighbours(a):
        low, high = a[rows, :2].min(axis=0), a[rows, 2:].max(axis=0)
        across = (b[:, 0] < high[0]) & (b[:, 2] > low[0])
        columns = np.flatnonzero(across & (b[:, 1] < high[1]) & (b[:, 3] > low[1]))
        if len(columns):
            yield Block(rows, columns, iou(a[rows], b[columns]))


def neighbours(boxes: np.ndarray) -> Iterator[np.ndarray]:
    """Divide boxes into blocks of boxes with similar positions and sizes.

    Boxes are halved along the value that varies most, a coordinate of the centre or a side, until no block has more
    than :data:`MOST` boxes.

    Args:
        boxes: ``(N, 4)`` corners x0, y0, x1, y1, in any unit.

    Yields:
        ``(K,)`` positions of the boxes of each block, in rising order. Every box is in exactly one block.
    """
    shapes = to_centers(boxes)
    parts = [np.arange(len(boxes))]
    while parts:
        rows = parts.pop()
        if len(rows) <= MOST:
            yield rows
            continue
        widest = np.ptp(shapes[rows], axis=0).argmax()
        order = np.argsort(shapes[rows, widest], kind="stable")
        middle = len(rows) // 2
        parts += [np.sort(rows[order[:middle]]), np.sort(rows[order[middle:]])]
