"""Mirror boxes (left and right) and flip them (top and bottom). ``render.py`` does the same to pixels."""

import numpy as np


def mirror_boxes(boxes_rel: np.ndarray) -> np.ndarray:
    """Mirror boxes: exchange left and right.

    Args:
        boxes_rel: ``(..., 4)`` corners x0, y0, x1, y1, relative to the image.

    Returns:
        ``(..., 4)`` corners x0, y0, x1, y1 in a new array. The right edge of each box has become its left edge.
    """
    x0, y0, x1, y1 = np.moveaxis(boxes_rel, -1, 0)
    return np.stack([1 - x1, y0, 1 - x0, y1], axis=-1)


def flip_boxes(boxes_rel: np.ndarray) -> np.ndarray:
    """Flip boxes: exchange top and bottom.

    Args:
        boxes_rel: ``(..., 4)`` corners x0, y0, x1, y1, relative to the image.

    Returns:
        ``(..., 4)`` corners x0, y0, x1, y1 in a new array. The lower edge of each box has become its upper edge.
    """
    x0, y0, x1, y1 = np.moveaxis(boxes_rel, -1, 0)
    return np.stack([x0, 1 - y1, x1, 1 - y0], axis=-1)
