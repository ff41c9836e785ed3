"""Measures by how much the camera has moved between two frames."""

from typing import Final

import cv2
import numpy as np

SIDE: Final = 240
"""Longer side to which frames are reduced, pixels."""

CORNERS: Final = 80
"""Largest number of corners that are followed from a frame to the next."""

FEWEST: Final = 8
"""Number of followed corners below which the camera counts as still."""

AGREEING: Final = 0.5
"""Share of the followed corners that must move alike. If fewer do, the camera counts as still."""

ALIKE: Final = 1.5
"""Largest distance of two movements that are alike, pixels of the reduced frame."""

FLOW: Final = {"winSize": (15, 15), "maxLevel": 3}


class Camera:
    """Measures the movement of the image by the flow of its corners (Lucas and Kanade), outside the objects."""

    def __init__(self) -> None:
        self._before: np.ndarray | None = None
        self._corners: np.ndarray | None = None

    def shift(self, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Measure the movement since the frame before.

        Args:
            image: ``(H, W, 3)`` uint8 RGB, the next frame.
            boxes: ``(K, 4)`` corners x0, y0, x1, y1 of the objects in it, pixels. Nothing in them is followed to the
                frame after this one.

        Returns:
            ``(2,)`` x and y by which the image has moved, pixels. Both are 0 if too few corners agree.
        """
        height, width = image.shape[:2]
        scale = min(1.0, SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        now = cv2.cvtColor(cv2.resize(image, size), cv2.COLOR_RGB2GRAY)  # to average all pixels takes ten times as long
        shift = self._flow(now) * (width / size[0], height / size[1])
        self._before, self._corners = now, _corners(now, boxes * (2 * (size[0] / width, size[1] / height)))
        return shift

    def _flow(self, now: np.ndarray) -> np.ndarray:
        before, corners = self._before, self._corners
        if before is None or corners is None or before.shape != now.shape:
            return np.zeros(2)
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, None, **FLOW)
        flow = (moved - corners)[found[:, 0] == 1].reshape(-1, 2)
        if len(flow) < FEWEST:
            return np.zeros(2)
        middle = np.median(flow, axis=0)
        alike = np.hypot(*(flow - middle).T) <= ALIKE
        return flow[alike].mean(axis=0) if alike.mean() >= AGREEING else np.zeros(2)


def _corners(image: np.ndarray, boxes: np.ndarray) -> np.ndarray | None:
    """``(N, 1, 2)`` float32 corners outside the boxes, or None if there are none."""
    mask = np.full(image.shape, 255, np.uint8)
    for x0, y0, x1, y1 in np.round(boxes).astype(int):
        mask[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = 0
    return cv2.goodFeaturesToTrack(image, CORNERS, 0.01, 7, mask=mask)
