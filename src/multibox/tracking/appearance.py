"""Describes what objects look like, so that tracks which meet are not confused: by the colours inside their boxes."""

from typing import Final

import cv2
import numpy as np

LEVELS: Final = 4
"""Number of levels of each colour channel."""

SIDE: Final = 12
"""Width and height to which the inside of a box is reduced, pixels."""

INNER: Final = 0.6
"""Share of a box's width and height that is looked at, about its middle. The rest is often background."""


def describe(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Describe the objects in boxes by histograms of their colours.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        boxes: ``(K, 4)`` corners x0, y0, x1, y1, pixels of the image.

    Returns:
        ``(K, 64)`` float32 square roots of the shares of the colours. The scalar product of two of these vectors, the
        Bhattacharyya coefficient, is 1 for equal colours and 0 for colours that have nothing in common.
    """
    found = np.zeros((len(boxes), LEVELS**3), np.float32)
    height, width = image.shape[:2]
    middles, halves = (boxes[:, :2] + boxes[:, 2:]) / 2, INNER * (boxes[:, 2:] - boxes[:, :2]) / 2
    low = np.floor(middles - halves).astype(int).clip(0, (width - 1, height - 1))
    high = np.ceil(middles + halves).astype(int).clip(low + 1, (width, height))
    for i, ((x0, y0), (x1, y1)) in enumerate(zip(low, high, strict=True)):
        pixels = cv2.resize(image[y0:y1, x0:x1], (SIDE, SIDE), interpolation=cv2.INTER_AREA).reshape(-1, 3)
        levels = pixels.astype(np.intp) * LEVELS // 256
        colors = (levels[:, 0] * LEVELS + levels[:, 1]) * LEVELS + levels[:, 2]
        found[i] = np.bincount(colors, minlength=LEVELS**3)
    return np.sqrt(found / SIDE**2)
