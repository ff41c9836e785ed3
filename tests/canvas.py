"""REFERENCE: what a window shows, painted as SSD's authors describe it."""

import cv2
import numpy as np

from multibox.prepare.render import MEAN_RGB


def canvas_crop_resize(image, window, size, interpolation):
    """The image on a canvas of the mean colour, the patch of the window cut out of it, the patch resized."""
    x0, y0, x1, y1 = (round(edge) for edge in (window.x0, window.y0, window.x1, window.y1))
    height, width = image.shape[:2]
    left, top = max(0, -x0), max(0, -y0)
    canvas = np.empty((top + max(height, y1), left + max(width, x1), 3), np.uint8)
    canvas[:] = MEAN_RGB
    canvas[top : top + height, left : left + width] = image
    patch = canvas[top + y0 : top + y1, left + x0 : left + x1]
    return cv2.resize(patch, size[::-1], interpolation=interpolation)
