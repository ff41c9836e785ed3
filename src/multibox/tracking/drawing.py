"""Draws the lines, zones and tails of tracked objects."""

from collections import Counter
from collections.abc import Mapping

import cv2
import numpy as np

from multibox.draw import BLACK, PALETTE, WHITE, color_of, draw_caption
from multibox.tracking.places import Line, Zone


def draw_place(image: np.ndarray, place: Line | Zone, numbers: Mapping[str, Counter[str]]) -> None:
    """Draw a line or zone with its name and numbers. An arrow at a line points to where ``in`` is.

    Args:
        image: ``(H, W, 3)`` uint8 RGB, which is changed.
        place: Line or zone.
        numbers: Numbers so far, by kind of event and name of the class.
    """
    corners = np.round(place.points.pixels((image.shape[0], image.shape[1]))).astype(np.int32)
    width = max(1, round(min(image.shape[:2]) / 250))
    for color, line in ((BLACK, width + 2), (WHITE, width)):
        cv2.polylines(image, [corners], isinstance(place, Zone), color, line, cv2.LINE_AA)
        if isinstance(place, Line):
            start, end = _arrow(corners, min(image.shape[:2]) / 12)
            cv2.arrowedLine(image, start, end, color, line, cv2.LINE_AA, 0, 0.3)
    text = ", ".join(f"{names.total()} {what}" for what, names in numbers.items() if what != "left")
    corner = corners[0] if isinstance(place, Line) else corners[corners[:, 1].argmin()]
    draw_caption(image, (int(corner[0]), int(corner[1])), PALETTE[15], f"{place.name}: {text}")


def draw_tail(image: np.ndarray, tail: np.ndarray, color_id: int) -> None:
    """Draw the latest places of an object.

    Args:
        image: ``(H, W, 3)`` uint8 RGB, which is changed.
        tail: ``(N, 2)`` x and y of the places, pixels.
        color_id: Number that chooses the colour.
    """
    width = max(1, round(min(image.shape[:2]) / 300))
    cv2.polylines(image, [np.round(tail).astype(np.int32)], False, color_of(color_id), width, cv2.LINE_AA)


def _arrow(corners: np.ndarray, length: float) -> tuple[list[int], list[int]]:
    """Start and end of the arrow at the middle of a line, which points to the line's right."""
    along = (corners[1] - corners[0]) / max(np.hypot(*(corners[1] - corners[0])), 1)
    middle = corners.mean(axis=0)
    half = np.array([-along[1], along[0]]) * length / 2
    return np.round(middle - half).astype(int).tolist(), np.round(middle + half).astype(int).tolist()
