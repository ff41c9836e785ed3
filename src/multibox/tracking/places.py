"""Lines that objects cross, and zones that they enter and leave."""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

import cv2
import numpy as np

from multibox.errors import BadInput
from multibox.regions import Points, parse_points

LARGEST_MARGIN: Final = 0.1
"""Largest margin at the edge of a zone, as a share of the square root of the area of the zone's bounding box."""

What = Literal["in", "out", "entered", "left"]


class Place(Protocol):
    """A line or zone in the image.

    Attributes:
        name: Its name.
        points: Its corners.
    """

    name: str
    points: Points

    def side(self, anchor: np.ndarray, margin: float, image_size: tuple[int, int]) -> int:
        """Where an object is.

        Args:
            anchor: ``(2,)`` x and y of the object, pixels.
            margin: Distance in pixels within which the object is on neither side.
            image_size: Height and width of the image, pixels.

        Returns:
            1 or -1 for one side and the other, 0 within the margin.
        """


@dataclass(frozen=True)
class Line:
    """A line that objects cross. Its side 1 is on the right, seen from its first point towards its second.

    Attributes:
        name: Name of the line.
        points: Its two ends.
    """

    name: str
    points: Points

    def side(self, anchor: np.ndarray, margin: float, image_size: tuple[int, int]) -> int:
        """Where an object is: 1 on the right, -1 on the left, 0 within the margin."""
        start, end = self.points.pixels(image_size)
        away = _cross(end - start, anchor - start) / np.hypot(*(end - start))
        return int(np.sign(away)) if abs(away) > margin else 0

    def is_crossed(self, before: np.ndarray, after: np.ndarray, image_size: tuple[int, int]) -> bool:
        """Whether the way between two places on different sides leads through the line, and not past its ends.

        Args:
            before: ``(2,)`` x and y, pixels.
            after: ``(2,)`` x and y, pixels.
            image_size: Height and width of the image, pixels.
        """
        start, end = self.points.pixels(image_size)
        way = after - before
        across = _cross(end - start, way)
        return across != 0 and bool(0 <= _cross(before - start, way) / across <= 1)


@dataclass(frozen=True)
class Zone:
    """A polygon that objects enter and leave. Its side 1 is inside.

    Attributes:
        name: Name of the zone.
        points: Its corners.
    """

    name: str
    points: Points

    def side(self, anchor: np.ndarray, margin: float, image_size: tuple[int, int]) -> int:
        """Where an object is: 1 inside, -1 outside, 0 within the margin."""
        polygon = self.points.pixels(image_size).astype(np.float32)
        margin = min(margin, LARGEST_MARGIN * float(np.sqrt(np.prod(np.ptp(polygon, axis=0)))))
        away = cv2.pointPolygonTest(polygon, (float(anchor[0]), float(anchor[1])), True)
        return int(np.sign(away)) if abs(away) > margin else 0


def parse_line(text: str) -> Line:
    """Read a line as a user writes it: ``NAME:x0,y0,x1,y1``, in pixels, or parts of the image from 0 to 1.

    Raises:
        BadInput: The name is missing, or the numbers are no line.
    """
    name, numbers = _named(text, "line")
    return Line(name, parse_points(numbers, "line", exactly=2))


def parse_zone(text: str) -> Zone:
    """Read a zone as a user writes it: ``NAME:x0,y0,x1,y1,x2,y2`` and so on, in pixels or parts of the image.

    Raises:
        BadInput: The name is missing, or the numbers are no polygon.
    """
    name, numbers = _named(text, "zone")
    return Zone(name, parse_points(numbers, "zone"))


def _named(text: str, field: str) -> tuple[str, str]:
    name, _, numbers = text.rpartition(":")
    if not name.strip():
        raise BadInput(field, f"{text!r} has no name; write NAME:x0,y0,x1,y1 and so on")
    return name.strip(), numbers


def _cross(a: np.ndarray, b: np.ndarray) -> float:
    return float(a[0] * b[1] - a[1] * b[0])
