"""Reads the rows of YOLO's label files.

The meaning of the values after the class is found from their number, over all files together.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from os.path import isfile
from pathlib import Path
from typing import Literal

import numpy as np

from multibox.annotations.annotation import Annotation
from multibox.annotations.counting import counted
from multibox.annotations.problem import Problem

Kind = Literal["box", "key points", "score", "track", "score and track", "polygon"]

SAYS = {
    "key points": "key points after the box, which were left out",
    "score": "a score after the box, which was left out",
    "track": "the number of a track after the box, which was left out",
    "score and track": "a score and the number of a track after the box, which were left out",
    "polygon": "a polygon, whose bounding box was used",
}
"""Description of each kind of row in messages, except rows of a box alone."""


@dataclass(frozen=True)
class Row:
    """A row of a label file.

    Attributes:
        line: Number of the line in the file, from 1.
        label: Class of the object as the file has it, usually a number.
        values: Values after the class. NaN for a text that is not a number.
    """

    line: int
    label: str
    values: tuple[float, ...]


def read_rows(file: Path) -> list[Row]:
    """Read the rows of a label file. A file that does not exist has no rows."""
    lines = file.read_text("utf-8-sig", errors="replace").splitlines() if isfile(file) else []
    rows = ((number, line.split()) for number, line in enumerate(lines, start=1))
    return [Row(number, words[0], tuple(map(to_number, words[1:]))) for number, words in rows if words]


def kinds_of(rows: Sequence[Row], key_points: tuple[int, int] | None) -> dict[int, Kind | None]:
    """Find the kind of the rows with each number of values.

    Args:
        rows: Rows of all label files of a dataset.
        key_points: ``kpt_shape`` of ``data.yaml``: number of key points of an object, and number of values for each key
            point.

    Returns:
        Kind of the rows, such as ``box``, by their number of values. None if the kind cannot be determined.
    """
    by_count: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    for row in rows:
        by_count[len(row.values)].append(row.values)
    return {count: _kind(count, values, key_points) for count, values in by_count.items()}


def _kind(count: int, rows: Sequence[tuple[float, ...]], key_points: tuple[int, int] | None) -> Kind | None:
    if count == 4:
        return "box"
    if key_points:
        return "key points" if count == 4 + key_points[0] * key_points[1] else None
    if count == 5:
        last = [row[4] for row in rows]
        return "track" if all(_is_whole(value) for value in last) else "score" if _are_parts(last) else None
    if count < 6 or count % 2:
        return None
    if all(_are_parts(row) for row in rows):
        return None if len(rows) >= FEW and all(map(_has_points_in_box, rows)) else "polygon"
    is_tracked = count == 6 and all(_are_parts(row[:5]) and _is_whole(row[5]) for row in rows)
    return "score and track" if is_tracked else None


def _has_points_in_box(row: Sequence[float]) -> bool:
    """Whether points, each of two or three values, lie within the box of the first four. Those not seen are 0, 0."""
    x, y, width, height = row[:4]

    def is_inside(point: Sequence[float]) -> bool:
        inside = abs(point[0] - x) <= width / 2 + 0.01 and abs(point[1] - y) <= height / 2 + 0.01
        return (inside or not any(point[:2])) and all(value in (0, 1) for value in point[2:])

    rest = row[4:]
    return any(
        len(rest) % size == 0 and all(is_inside(rest[i : i + size]) for i in range(0, len(rest), size))
        for size in (2, 3)
    )


NO_KIND = "which fit neither a class with a box, nor a polygon, nor the key points declared as kpt_shape in data.yaml"
"""Description of the columns of a row of unknown kind."""

FEW = 3
"""Smallest number of rows from which points inside boxes are read as key points. In fewer rows they may be polygons by
chance."""


def _is_whole(value: float) -> bool:
    return value.is_integer()


def _are_parts(values: Sequence[float]) -> bool:
    """Whether values are parts of an image, some of them perhaps a little beyond it."""
    return all(-0.1 <= value <= 1.1 for value in values)


def annotate(
    file: Path, rows: Sequence[Row], names: Sequence[str], kinds: dict[int, Kind | None]
) -> Annotation | Problem:
    """Make the annotation of one image from its rows.

    Args:
        file: Path of the label file.
        rows: Rows of the label file.
        names: Class names in the order of their numbers, from 0.
        kinds: Kinds of the rows, as :func:`kinds_of` gives them.
    """
    found, boxes = [], []
    for row in rows:
        number = to_number(row.label)
        if not row.label.isascii() or not _is_whole(number) or not 0 <= number < len(names):
            detail = f"{row.label!r} is not a class number from 0 to {len(names) - 1}"
            return Problem("annotation", str(file), f"line {row.line}", detail)
        kind = kinds[len(row.values)]
        if kind is None:
            detail = f"has {len(row.values) + 1} columns, {NO_KIND}"
            return Problem("annotation", str(file), f"line {row.line}", detail)
        found.append(names[int(number)])
        boxes.append(_corners(row.values, kind))
    return Annotation(str(file), tuple(found), np.array(boxes, np.float64).reshape(-1, 4), relative=True)


def _corners(values: Sequence[float], kind: Kind) -> list[float]:
    if kind == "polygon":
        return [min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])]
    x, y, width, height = values[:4]
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def are_edges(rows: Sequence[Row]) -> bool:
    """Whether boxes are edges x0, y0, x1, y1: as centres and sizes many exceed their image, as edges all fit."""
    boxes = np.array([row.values for row in rows if len(row.values) == 4], np.float64).reshape(-1, 4)
    beyond = (np.abs(boxes[:, :2] - 0.5) + boxes[:, 2:] / 2 > 0.51).any(axis=1)
    fit = (boxes[:, :2] < boxes[:, 2:]).all(axis=1) & ((boxes >= 0) & (boxes <= 1)).all(axis=1)
    return bool(len(boxes) and fit.mean() > 0.9 and beyond.mean() > 0.3)


def notes(rows: Sequence[Row], kinds: dict[int, Kind | None]) -> tuple[str, ...]:
    """Describe each kind of row in the files, except rows of a box alone, in a sentence each."""
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        kind = kinds[len(row.values)]
        if kind is not None and kind != "box":
            counts[kind] += 1
    return tuple(f"{counted(count, 'row has', 'rows have')} {SAYS[kind]}" for kind, count in counts.items())


def to_number(text: str) -> float:
    """Convert a text to a number. NaN if it is not one."""
    try:
        return float(text)
    except ValueError:
        return nan
