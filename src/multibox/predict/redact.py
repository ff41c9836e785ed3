"""Makes parts of an image unrecognisable.

What is left of a part is a few mean colours. So no sharpening brings back what it showed.
"""

from typing import Final, Literal

import cv2
import numpy as np

How = Literal["blur", "pixelate"]
"""Look of an unrecognisable part: smooth, or in square blocks."""

MARGIN: Final = 0.1
"""Share of a box's width and height that is added at each side, because a detector's boxes cut off edges."""

BLOCKS: Final = 4
"""Largest number of blocks across the longer side of a part, each of which keeps only its mean colour."""


def redact(image: np.ndarray, boxes: np.ndarray, how: How) -> np.ndarray:
    """Make the inside of boxes unrecognisable, with :data:`MARGIN` around each.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        boxes: ``(N, 4)`` corners x0, y0, x1, y1 in pixels of the image. Boxes may reach beyond the image.
        how: Look of these parts.

    Returns:
        ``(H, W, 3)`` uint8 RGB, a new image. Pixels outside the boxes and their margins are unchanged.
    """
    output = image.copy()
    for x0, y0, x1, y1 in covered(boxes, image.shape[:2]).tolist():
        part = output[y0:y1, x0:x1]
        if part.size:
            output[y0:y1, x0:x1] = _means(part, how)
    return output


def covered(boxes: np.ndarray, image_size: tuple[int, ...]) -> np.ndarray:
    """The pixels that :func:`redact` changes.

    Args:
        boxes: ``(N, 4)`` corners x0, y0, x1, y1 in pixels of the image.
        image_size: Height and width of the image, pixels.

    Returns:
        ``(N, 4)`` int64 edges x0, y0, x1, y1 of each box with its margin, whole pixels inside the image.
    """
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    margins = MARGIN * np.tile(corners[:, 2:] - corners[:, :2], 2)
    outer = np.concatenate([np.floor((corners - margins)[:, :2]), np.ceil((corners + margins)[:, 2:])], axis=1)
    height, width = image_size
    return outer.clip(0, (width, height, width, height)).astype(np.int64)


def _means(part: np.ndarray, how: How) -> np.ndarray:
    """A part of the same size that is made of nothing but the mean colours of its blocks."""
    height, width = part.shape[:2]
    size = max(2.0, max(height, width) / BLOCKS)  # of a block, pixels
    few = cv2.resize(part, (max(1, int(width / size)), max(1, int(height / size))), interpolation=cv2.INTER_AREA)
    enlarge = cv2.INTER_NEAREST if how == "pixelate" else cv2.INTER_CUBIC
    return cv2.resize(few, (width, height), interpolation=enlarge)
