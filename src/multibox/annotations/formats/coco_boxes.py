"""The box of a COCO annotation: its ``bbox``, else the bounding box of its segmentation."""

from math import isnan, nan
from typing import Any

import numpy as np

from multibox.annotations.bounds import of_runs


def corners_of(annotation: dict[str, Any]) -> tuple[list[float], bool]:
    """Compute the corners of the box of an annotation.

    Args:
        annotation: An entry of the list ``annotations``.

    Returns:
        ``x0, y0, x1, y1`` in pixels, and whether they were computed from the segmentation. All four are NaN if there is
        neither a bbox nor a segmentation.
    """
    try:
        x, y, width, height = (float(value) for value in annotation.get("bbox") or ())
    except (TypeError, ValueError, OverflowError):
        bounds = _bounds(annotation.get("segmentation"))
        return bounds or [nan] * 4, bounds is not None
    return [x, y, x + width, y + height], False


def _bounds(segmentation: Any) -> list[float] | None:
    """The bounds of polygons, or of a mask in runs. None if it is neither."""
    try:
        if isinstance(segmentation, dict):
            found = of_runs(segmentation["counts"], segmentation["size"])
            return None if isnan(found[0]) else list(found)
        points = np.concatenate([np.array(polygon, np.float64).reshape(-1, 2) for polygon in segmentation])
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return None
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()] if len(points) else None
