"""Lines and polygons that a user draws on an image by coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multibox.errors import BadInput


@dataclass(frozen=True)
class Points:
    """Corners of a line or polygon.

    Attributes:
        values: ``x, y`` of each corner.
        in_parts: Whether the values are parts of the image's width and height, in [0, 1]. Otherwise they are pixels.

    Example:
        ``parse_points("0.5,0,0.5,1", "line", exactly=2).pixels((480, 640))`` is ``[[320, 0], [320, 480]]``.
    """

    values: tuple[tuple[float, float], ...]
    in_parts: bool

    def pixels(self, image_size: tuple[int, int]) -> np.ndarray:
        """Corners in pixels of an image.

        Args:
            image_size: Height and width of the image, pixels.

        Returns:
            ``(N, 2)`` float64 x and y of each corner, pixels.
        """
        height, width = image_size
        return np.array(self.values) * ((width, height) if self.in_parts else (1, 1))


def parse_points(text: str, field: str, *, exactly: int | None = None) -> Points:
    """Read corners as a user writes them: ``x0,y0,x1,y1`` and so on.

    If all numbers lie between 0 and 1, they are parts of the image's width and height. Otherwise they are pixels.

    Args:
        text: The numbers, separated by commas.
        field: Name of the parameter, for the error message.
        exactly: Number of corners that the text must have. None takes three or more, a polygon.

    Returns:
        The corners.

    Raises:
        BadInput: The text is not a list of as many corners, a number is negative or infinite, or all corners of a
            polygon lie on one line.
    """
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        raise BadInput(field, f"{text!r} is not a list of numbers; write x0,y0,x1,y1 and so on") from None
    return to_points(numbers, field, exactly=exactly)


def to_points(numbers: Sequence[float], field: str, *, exactly: int | None = None) -> Points:
    """Take corners from numbers ``x0, y0, x1, y1`` and so on, as :func:`parse_points` reads them.

    Args:
        numbers: Pixels, or parts of the image's width and height if all of them lie between 0 and 1.
        field: Name of the parameter, for the error message.
        exactly: Number of corners. None takes three or more, a polygon.

    Returns:
        The corners.

    Raises:
        BadInput: There are too many or too few numbers, a number is negative or infinite, or all corners of a polygon
            lie on one line.
    """
    text = ",".join(f"{number:g}" for number in numbers)
    corners = len(numbers) // 2
    if len(numbers) % 2 or (corners != exactly if exactly else corners < 3):
        wanted = f"{2 * exactly} numbers" if exactly else "at least 6 numbers"
        raise BadInput(field, f"{text!r} has {len(numbers)} numbers; write x and y of each corner, {wanted}")
    if not all(0 <= number < 1e6 for number in numbers):
        raise BadInput(field, f"{text!r} has a number below 0 or too large; write pixels, or parts from 0 to 1")
    if max(numbers) > 1 and any(0 < number < 1 for number in numbers):
        raise BadInput(field, f"{text!r} mixes parts of the image with pixels; write all as parts, or all as pixels")
    values = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if _is_flat(np.array(values)):
        raise BadInput(field, f"{text!r} has no {'length' if exactly else 'area'}; write other corners")
    return Points(values, max(numbers) <= 1)


def inside(places: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which places lie inside a polygon, by the even-odd rule.

    Args:
        places: ``(M, 2)`` x and y, in the unit of ``polygon``.
        polygon: ``(N, 2)`` x and y of the corners, in order around the polygon.

    Returns:
        ``(M,)`` bool, True for places inside.
    """
    x, y = places[:, :1], places[:, 1:]  # (M, 1)
    (x0, y0), (x1, y1) = polygon.T, np.roll(polygon, -1, axis=0).T  # (N,)
    spans = (y0 <= y) != (y1 <= y)  # (M, N)
    crossing = x0 + (y - y0) * (x1 - x0) / np.where(y1 == y0, 1, y1 - y0)
    return (spans & (crossing > x)).sum(axis=1) % 2 == 1


def _is_flat(corners: np.ndarray) -> bool:
    """Whether two corners coincide, or three and more lie on one line."""
    if len(corners) == 2:
        return bool((corners[0] == corners[1]).all())
    away = corners[1:] - corners[0]
    return int(np.linalg.matrix_rank(away)) < 2
