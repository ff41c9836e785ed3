"""Finds the meaning of a box's four numbers if a format does not say: corner and size, edges, or centre and size."""

from typing import Literal

import numpy as np

Form = Literal["xywh", "edges", "center"]

WHAT: dict[Form, str] = {
    "xywh": "x, y, width, height",
    "edges": "its edges",
    "center": "centre x, centre y, width, height",
}
"""Description of each form."""

_MISTAKES = 0.1
"""Share of the boxes that may leave their image as position and size before another form is tried."""

_SLACK = 0.01
"""How far parts of an image may lie beyond it. Pixels may by one."""


def form_of(numbers: np.ndarray, sizes: np.ndarray) -> Form:
    """Find the form of boxes: corner and size, unless many boxes then exceed their images and another form fits them.

    Args:
        numbers: ``(N, 4)`` numbers of the boxes as they are in the file. NaN for a box that is not four numbers.
        sizes: ``(N, 2)`` width and height of each box's image in pixels. NaN if unknown. Sizes are not used if all
            numbers of the boxes are fractions of the image.

    Returns:
        The form in which the fewest boxes exceed their images.
    """
    finite = np.isfinite(numbers).all(axis=1)
    are_parts = bool((np.abs(numbers[finite]) <= 1 + _SLACK).all())
    sizes = np.ones_like(sizes) if are_parts else sizes
    known = finite & np.isfinite(sizes).all(axis=1)
    numbers, sizes, slack = numbers[known], sizes[known], _SLACK if are_parts else 1.0
    wrong = {form: _leaving(edges_of(numbers, form), sizes, slack) for form in WHAT}
    return "xywh" if wrong["xywh"] <= _MISTAKES * len(numbers) else min(WHAT, key=lambda form: wrong[form])


def edges_of(numbers: np.ndarray, form: Form) -> np.ndarray:
    """Convert boxes ``(N, 4)`` of a form to edges ``(N, 4)``."""
    first, second = numbers[:, :2], numbers[:, 2:]
    if form == "edges":
        return numbers
    low = first if form == "xywh" else first - second / 2
    return np.concatenate([low, low + second], axis=1)


def _leaving(edges: np.ndarray, sizes: np.ndarray, slack: float) -> int:
    """How many boxes are inverted or leave their image."""
    low, high = edges[:, :2], edges[:, 2:]
    return int(((low < -slack) | (high > sizes + slack) | (high < low)).any(axis=1).sum())
