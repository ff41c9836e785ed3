"""The box of a COCO annotation: its own, else the bounds of its segmentation."""

from math import nan
from typing import Any

import numpy as np


def corners_of(annotation: dict[str, Any]) -> tuple[list[float], bool]:
    """The corners of an annotation.

    Args:
        annotation: An entry of the list ``annotations``.

    Returns:
        ``x0, y0, x1, y1`` in pixels, four NaN if there is neither a box nor a segmentation, and whether the
        segmentation gave them.
    """
    try:
        x, y, width, height = (float(value) for value in annotation.get("bbox") or ())
    except (TypeError, ValueError):
        bounds = _bounds(annotation.get("segmentation"))
        return bounds or [nan] * 4, bounds is not None
    return [x, y, x + width, y + height], False


def _bounds(segmentation: Any) -> list[float] | None:
    """The bounds of polygons, or of a mask whose runs are written as numbers. None if it is neither."""
    try:
        if isinstance(segmentation, dict):
            return _mask_bounds([int(count) for count in segmentation["counts"]], int(segmentation["size"][0]))
        points = np.concatenate([np.array(polygon, np.float64).reshape(-1, 2) for polygon in segmentation])
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()] if len(points) else None


def _mask_bounds(runs: list[int], height: int) -> list[float] | None:
    """The bounds of a mask in runs of zeros and ones, down its columns."""
    ends = np.cumsum(runs)
    starts, ends = ends[:-1:2], ends[1::2]
    if not len(starts) or height < 1:
        return None
    inside = np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])
    if not len(inside):
        return None
    x, y = inside // height, inside % height
    return [float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1)]
