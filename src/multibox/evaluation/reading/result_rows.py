"""Reads the rows of a file in COCO's results format into arrays, one for each field."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.evaluation.reading.other_files import refuse_content, refuse_object, refuse_rows

FIELDS = ("image_id", "category_id", "bbox", "score")


LARGEST = 1e9
"""Coordinates of this size and above count as damaged. Areas computed from smaller coordinates do not overflow."""


@dataclass(frozen=True)
class Ids:
    """The image ids or class ids of all rows of a file.

    Attributes:
        distinct: Each different id once, as text, in the order of first appearance.
        codes: ``(D,)`` int64 position of each row's id in ``distinct``. -1 for a row without an id.
    """

    distinct: tuple[str, ...]
    codes: np.ndarray

    def keep(self, rows: np.ndarray) -> "Ids":
        """The ids of the rows where a mask ``(D,)`` is true."""
        return Ids(self.distinct, self.codes[rows])


@dataclass(frozen=True)
class Rows:
    """D rows of a file of detections, with numbers as they are in the file.

    Attributes:
        images: Image id of each row.
        categories: Class id of each row.
        boxes: ``(D, 4)`` float64 numbers of ``bbox`` as written in the file. NaN in rows without four finite numbers.
        scores: ``(D,)`` float64 scores. NaN in rows without a finite score.
    """

    images: Ids
    categories: Ids
    boxes: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def keep(self, rows: np.ndarray) -> "Rows":
        """The rows where a mask ``(D,)`` is true."""
        return Rows(self.images.keep(rows), self.categories.keep(rows), self.boxes[rows], self.scores[rows])


def read_rows(path: str | os.PathLike[str]) -> Rows:
    """Read a file of detections.

    Args:
        path: Path of the JSON file.

    Returns:
        Image ids, class ids, boxes and scores of all rows.

    Raises:
        BadInput: The file cannot be read, or does not hold detections in COCO's results format. The message says what
            it holds instead.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BadInput(path, f"cannot be read: {error.strerror}") from None
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError):
        refuse_content(path, content)
    if not isinstance(rows, list):
        refuse_object(path, rows)
    images, categories, boxes, scores = _columns(path, rows)
    return Rows(_ids(images), _ids(categories), _numbers(boxes, 4), _numbers(scores, 1)[:, 0])


def _columns(path: str | os.PathLike[str], rows: list[Any]) -> list[list[Any]]:
    """The values of each field. None where a row has none."""
    try:
        return [[row[field] for row in rows] for field in FIELDS]
    except (KeyError, TypeError, IndexError):
        members = [row if isinstance(row, dict) else {} for row in rows]
    columns = [[row.get(field) for row in members] for field in FIELDS]
    for column in columns:
        if all(value is None for value in column):
            refuse_rows(path, rows, FIELDS)
    return columns


def _ids(values: Sequence[Any]) -> Ids:
    known: dict[str, int] = {}
    codes = [-1 if value is None else known.setdefault(_as_text(value), len(known)) for value in values]
    return Ids(tuple(known), np.array(codes, np.int64))


def _as_text(value: Any) -> str:
    """An id as text. 17, 17.0 and "17" are the same."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _numbers(values: Sequence[Any], width: int) -> np.ndarray:
    """``(D, width)`` float64. NaN in all columns where a row is not as many numbers below :data:`LARGEST`."""
    try:
        numbers = np.array(values, np.float64)
        if numbers.size != len(values) * width or (width > 1 and values and numbers.ndim != 2):
            raise ValueError
        numbers = numbers.reshape(len(values), width)
    except (TypeError, ValueError, OverflowError):
        numbers = np.array([_row(value, width) for value in values], np.float64).reshape(-1, width)
    numbers[~(np.abs(numbers) < LARGEST).all(axis=1)] = np.nan
    return numbers


def _row(value: Any, width: int) -> list[float]:
    parts = value if isinstance(value, list) else [value]
    try:
        numbers = [float(part) for part in parts]
    except (TypeError, ValueError, OverflowError):
        numbers = []
    return numbers if len(numbers) == width else [np.nan] * width
