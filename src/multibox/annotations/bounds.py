"""Computes the bounding boxes of shapes. A shape whose numbers are invalid gets NaN, which is reported later."""

import base64
import binascii
from math import cos, hypot, isfinite, nan, radians, sin
from typing import Any

import cv2
import numpy as np

Bounds = tuple[float, float, float, float]
"""Edges x0, y0, x1, y1 of the bounding box of a shape, in the unit of the shape's coordinates."""

NOWHERE: Bounds = (nan, nan, nan, nan)
"""Bounding box of a shape whose coordinates are not numbers."""


def number(value: Any) -> float:
    """Convert a value of a file to a number. NaN if it is not one."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return nan


LARGEST_SIDE = 1e6
"""Number of pixels above which a value cannot be the width or height of an image."""


def size_of(width: Any, height: Any) -> tuple[int, int] | None:
    """Width and height of an image in pixels. None if they are not numbers from 1 to :data:`LARGEST_SIDE`."""
    across, down = number(width), number(height)
    return (int(across), int(down)) if 1 <= across < LARGEST_SIDE and 1 <= down < LARGEST_SIDE else None


def of_box(x: Any, y: Any, width: Any, height: Any) -> Bounds:
    """Compute the edges of a box from its upper left corner and its width and height."""
    left, top = number(x), number(y)
    return left, top, left + number(width), top + number(height)


def of_points(points: Any) -> Bounds:
    """Compute the bounding box of points, given as a list of pairs, or as one list in which x and y alternate."""
    try:
        found = np.array(points, np.float64)
        pairs = found.reshape(-1, 2)
    except (TypeError, ValueError, OverflowError):
        return NOWHERE
    if not len(pairs) or (found.ndim == 2 and found.shape[1] != 2):
        return NOWHERE
    (x0, y0), (x1, y1) = pairs.min(axis=0).tolist(), pairs.max(axis=0).tolist()
    return x0, y0, x1, y1


def of_ellipse(x: Any, y: Any, across: Any, down: Any, turn: float = 0) -> Bounds:
    """Compute the bounding box of a rotated ellipse.

    Args:
        x: Horizontal position of the centre, in pixels or any other unit.
        y: Vertical position of the centre, in the unit of ``x``.
        across: Radius along the axis that is horizontal before the rotation, in the unit of ``x``.
        down: Radius along the axis that is vertical before the rotation, in the unit of ``x``.
        turn: Rotation in radians.
    """
    if not isfinite(turn):
        return NOWHERE
    centre, radii = (number(x), number(y)), (number(across), number(down))
    width = hypot(radii[0] * cos(turn), radii[1] * sin(turn))
    height = hypot(radii[0] * sin(turn), radii[1] * cos(turn))
    return centre[0] - width, centre[1] - height, centre[0] + width, centre[1] + height


def of_turned_box(x: float, y: float, width: float, height: float, degrees: float) -> Bounds:
    """Compute the bounding box of a box that is rotated clockwise about its upper left corner ``x, y``."""
    if not isfinite(degrees):
        return NOWHERE
    along, down = cos(radians(degrees)), sin(radians(degrees))
    right, low = (width * along, width * down), (-height * down, height * along)
    return of_points([(x + i * right[0] + j * low[0], y + i * right[1] + j * low[1]) for i in (0, 1) for j in (0, 1)])


def of_runs(counts: Any, size: Any) -> Bounds:
    """Compute the bounding box of a mask in COCO's run-length encoding.

    Args:
        counts: Lengths of the alternating runs of 0 and 1, column by column: a list of numbers, or COCO's compressed
            string.
        size: Height and width of the mask in pixels.
    """
    try:
        height, width = (int(side) for side in size)
        lengths = _expand(counts) if isinstance(counts, str) else [int(count) for count in counts]
        if min(lengths, default=-1) < 0 or not 0 < sum(lengths) <= height * width:
            return NOWHERE
    except (TypeError, ValueError, OverflowError):
        return NOWHERE
    ends = np.cumsum(lengths, dtype=np.int64)
    first, last = ends[:-1:2], ends[1::2] - 1
    first, last = first[first <= last], last[first <= last]
    if not len(first):
        return NOWHERE
    spans = first // height < last // height
    top = np.where(spans, 0, first % height).min()
    bottom = np.where(spans, height - 1, last % height).max()
    return float(first[0] // height), float(top), float(last[-1] // height + 1), float(bottom + 1)


def _expand(text: str) -> list[int]:
    """The runs of COCO's compressed text: five bits a character, each number a difference to the last but one."""
    runs: list[int] = []
    value = shift = 0
    for code in text.encode("ascii"):
        bits = code - 48
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= 1 << shift if bits & 16 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs


def of_mask_image(x: float, y: float, encoded: Any) -> Bounds:
    """Compute the bounding box of a mask that is stored as a base64 image.

    Args:
        x: Position of the mask's left edge in the image, pixels.
        y: Position of the mask's upper edge in the image, pixels.
        encoded: Image file of the mask in base64. Pixels of the object are not 0.
    """
    try:
        mask = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_GRAYSCALE)
    except (TypeError, ValueError, binascii.Error, cv2.error):
        return NOWHERE
    if mask is None or not mask.any():
        return NOWHERE
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return x + float(columns[0]), y + float(rows[0]), x + float(columns[-1]) + 1, y + float(rows[-1]) + 1
