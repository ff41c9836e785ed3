"""Predicts where tracked boxes are: a Kalman filter for each of a box's four numbers.

Centre x and y move at a constant velocity that white noise changes. Width and height drift. All noise is relative to
the size of the box, and all times are in seconds. So the filter does not depend on the image's size, and a step of two
frames gives what two steps of one frame give.

Source: Bar-Shalom, Li and Kirubarajan, "Estimation with Applications to Tracking and Navigation", section 6.2.2
(continuous white noise acceleration).
"""

from typing import Final

import numpy as np

from multibox.boxes import to_centers, to_corners

ACCELERATION: Final = np.array([6.0, 6.0, 0.0, 0.0])
"""Noise of the velocity of ``cx, cy, w, h``, in box sizes per second, for each square root of a second."""

DRIFT: Final = np.array([0.0, 0.0, 0.3, 0.3])
"""Noise of ``cx, cy, w, h`` themselves, in box sizes for each square root of a second."""

MEASURED: Final = np.array([0.05, 0.05, 0.08, 0.08])
"""Standard deviation of a detection's ``cx, cy, w, h``, in box sizes."""

FASTEST: Final = np.array([3.0, 3.0, 0.0, 0.0])
"""Standard deviation of the velocity of a new track, in box sizes per second."""


class Motion:
    """Position and velocity of N tracked boxes.

    Attributes:
        centers: ``(N, 4)`` estimates of ``cx, cy, w, h``, pixels.
        velocities: ``(N, 4)`` estimates of their velocities, pixels per second.
    """

    def __init__(self) -> None:
        self.centers = np.zeros((0, 4))
        self.velocities = np.zeros((0, 4))
        self._variance = np.zeros((3, 0, 4))  # of position, of position with velocity, of velocity

    @property
    def boxes(self) -> np.ndarray:
        """``(N, 4)`` estimated corners x0, y0, x1, y1, pixels."""
        return to_corners(self.centers)

    def advance(self, seconds: float) -> None:
        """Move all boxes to a later time.

        Args:
            seconds: Time that has passed, at least 0.
        """
        position, both, velocity = self._variance
        noise, drift = ((self._sizes() * share) ** 2 for share in (ACCELERATION, DRIFT))
        self.centers = self.centers + self.velocities * seconds
        self._variance = np.stack(
            [
                position + 2 * seconds * both + seconds**2 * velocity + noise * seconds**3 / 3 + drift * seconds,
                both + seconds * velocity + noise * seconds**2 / 2,
                velocity + noise * seconds,
            ]
        )

    def correct(self, rows: np.ndarray, boxes: np.ndarray) -> None:
        """Correct tracks by the detections that belong to them.

        Args:
            rows: ``(M,)`` positions of the tracks.
            boxes: ``(M, 4)`` corners x0, y0, x1, y1 of their detections, pixels.
        """
        position, both, velocity = self._variance[:, rows]
        total = position + (self._sizes()[rows] * MEASURED) ** 2
        error = to_centers(boxes) - self.centers[rows]
        self.centers[rows] += position / total * error
        self.velocities[rows] += both / total * error
        self._variance[:, rows] = (
            position - position**2 / total,
            both - position * both / total,
            velocity - both**2 / total,
        )

    def add(self, boxes: np.ndarray) -> None:
        """Begin tracks at ``(M, 4)`` corners x0, y0, x1, y1, pixels. They come after the tracks that are there."""
        centers = to_centers(np.asarray(boxes, np.float64))
        self.centers = np.concatenate([self.centers, centers])
        self.velocities = np.concatenate([self.velocities, np.zeros_like(centers)])
        size = _sizes(centers)
        fresh = np.stack([(size * MEASURED) ** 2, np.zeros_like(centers), (size * FASTEST) ** 2])
        self._variance = np.concatenate([self._variance, fresh], axis=1)

    def keep(self, rows: np.ndarray) -> None:
        """Drop all tracks but those at ``rows``."""
        self.centers, self.velocities = self.centers[rows], self.velocities[rows]
        self._variance = self._variance[:, rows]

    def _sizes(self) -> np.ndarray:
        return _sizes(self.centers)


def _sizes(centers: np.ndarray) -> np.ndarray:
    """``(N, 1)`` square roots of the boxes' areas, at least one pixel."""
    return np.sqrt(np.maximum(centers[:, 2:3], 1) * np.maximum(centers[:, 3:4], 1))
