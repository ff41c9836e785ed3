"""Reads the rows of a Parquet file as plain values: an image and its objects per row."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite, nan
from numbers import Real
from typing import Any

import numpy as np

from multibox.annotations.bounds import size_of
from multibox.annotations.formats.parquet_columns import Columns

_READ = 512
"""Rows that are read at once, without their images."""


@dataclass(frozen=True)
class Row:
    """A row of a Parquet file: an image with its objects, not yet verified.

    Attributes:
        group: Number of the row group, from 0.
        place: Position of the row in its group, from 0.
        number: Position of the row in the file, from 1.
        file: File name of the image. Empty if the row has none.
        image_id: Id of the image. Empty if the row has none.
        boxes: ``(N, 4)`` numbers of the boxes as they are in the file. NaN for a box that is not four numbers.
        classes: Name or number of each object's class. None if the row has no classes.
        size: Width and height of the image in pixels, or None if the row does not give them.
        columns: Further values of the objects, by column: a list of length N each.
        fault: Description of what is wrong with the row. Empty if the row is valid.
    """

    group: int
    place: int
    number: int
    file: str
    image_id: str
    boxes: np.ndarray = field(default_factory=lambda: np.empty((0, 4)))
    classes: tuple[str | int | None, ...] = ()
    size: tuple[int, int] | None = None
    columns: dict[str, list[Any]] = field(default_factory=dict)
    fault: str = ""


def read_rows(opened: Any, columns: Columns) -> Iterator[Row]:
    """Read the rows of an open Parquet file, without the bytes of the images.

    Args:
        opened: The open ``pyarrow.parquet.ParquetFile``.
        columns: Columns to read.

    Yields:
        Rows in the order of the file.
    """
    number = 0
    names = columns.without_images()
    for group in range(opened.num_row_groups):
        place = 0
        for batch in opened.iter_batches(_READ, row_groups=[group], columns=names):
            for values in batch.to_pylist():
                number += 1
                yield _row(group, place, number, values, columns)
                place += 1


def _row(group: int, place: int, number: int, values: dict[str, Any], columns: Columns) -> Row:
    file, image_id = _text(_value(values, columns.file)), _text(_value(values, columns.image_id))
    try:
        lists = _lists(values, columns)
        boxes = np.array([_four(box) for box in lists[columns.box]], np.float64).reshape(-1, 4)
        classes = tuple(map(_class, lists.get(columns.category, [None] * len(boxes))))
        more = {ours: _column(ours, name, lists[name]) for ours, name in columns.more.items() if lists.get(name)}
    except ValueError as error:
        return Row(group, place, number, file, image_id, fault=str(error))
    kept = {name: values for name, values in more.items() if values is not None}
    return Row(group, place, number, file, image_id, boxes, classes, _size(values, columns), kept)


def _lists(values: dict[str, Any], columns: Columns) -> dict[str, list[Any]]:
    """The lists of objects by their names in the file, all of one length."""
    names = [name for name in (columns.box, columns.category, *columns.more.values()) if name]
    objects = values.get(columns.objects) if columns.objects else values
    if isinstance(objects, list):
        lists = {name: [(each or {}).get(name) for each in objects] for name in names}
    else:
        lists = {name: (objects or {}).get(name) or [] for name in names}
    count = len(lists[columns.box])
    wrong = next((n for n in names if len(lists[n]) != count and (lists[n] or n == columns.category)), None)
    if wrong is not None:
        raise ValueError(f"the column {wrong} has {len(lists[wrong])} values, and {columns.box} has {count}")
    return lists


def _four(box: Any) -> list[float]:
    numbers = box if isinstance(box, list) and len(box) == 4 else []
    return [float(value) if _is_number(value) else nan for value in numbers] or [nan] * 4


def _class(value: Any) -> str | int | None:
    if isinstance(value, str):
        return value.strip() or None
    if _is_number(value) and isfinite(value) and value == int(value):
        return int(value)
    if value is None:
        return None
    raise ValueError(f"the class {value!r} is neither a name nor a whole number")


def _column(ours: str, name: str, values: list[Any]) -> list[Any] | None:
    """A further column of objects. None if a value is missing, so that the usual one is taken."""
    if any(value is None for value in values):
        return None
    if ours == "ids":
        return [str(value) for value in values]
    if not all(_is_number(value) or isinstance(value, bool) for value in values):
        raise ValueError(f"the column {name} holds {type(values[0]).__name__}, not numbers")
    return [float(value) if ours == "area" else bool(value) for value in values]


def _size(values: dict[str, Any], columns: Columns) -> tuple[int, int] | None:
    width, height = _value(values, columns.width), _value(values, columns.height)
    return size_of(width, height) if _is_number(width) and _is_number(height) else None


def _value(values: Any, name: str) -> Any:
    """The value of a column, possibly within a structure."""
    for part in name.split(".") if name else ():
        values = values.get(part) if isinstance(values, dict) else None
    return values if name else None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
