"""Reads tables of objects in the dialects of several tools into rows with the same column names."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np

from multibox.annotations import bounds
from multibox.annotations.csv_files import Line, first_line, read_lines
from multibox.annotations.files import is_image
from multibox.annotations.formats.csv_columns import CORNER_AND_SIZE, EDGES, columns_of, has_box, lacking
from multibox.annotations.four_numbers import WHAT, edges_of, form_of
from multibox.errors import BadInput

Row = dict[str, str]
"""A row: cells by Multibox's column names. ``line`` is the number of the row's last line in the file."""

BARE = ("image", *EDGES, "class")
BARE_AND_SIZE = (*BARE, "width", "height")
"""The columns of a file without a header that ends with the size of the image, such as SKU-110K's."""

VERTEX_SETS = ("train", "training", "validation", "test", "unassigned")
_NUMBERS = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Table:
    """A CSV file with one row per object, after reading.

    Attributes:
        path: Path of the CSV file.
        rows: Rows of the file: one for each object, and one for each image without objects.
        notes: Sentences about what was guessed.
    """

    path: Path
    rows: list[Row]
    notes: tuple[str, ...] = ()


def has_objects(path: Path) -> bool:
    """Whether a CSV file lists objects, judged by its header or first row. Raises no error."""
    return _reader(first_line(path)) is not None


def read_table(path: Path) -> Table:
    """Read a CSV file.

    Raises:
        BadInput: Columns are missing, there is no row, or a row names no image.
    """
    lines = read_lines(path)
    if not lines:
        raise BadInput(path, "is empty; write one row per object: image, x0, y0, x1, y1, class")
    reader = _reader(lines[0][1])
    if reader is None:
        raise BadInput(path, lacking(lines[0][1]))
    table = reader(path, lines)
    if not table.rows:
        raise BadInput(path, "has a header and no row")
    nameless = [row["line"] for row in table.rows if not Path(row["image"]).name]
    if nameless:
        raise BadInput(path, f"line {nameless[0]}: names no image; name one, or remove the line")
    return table


def _reader(first: Sequence[str]) -> Callable[[Path, Sequence[Line]], Table] | None:
    """The function that reads a file with this first line. None if it is no table of objects."""
    columns = columns_of(first)
    if "image" in columns and "class" in columns and has_box(columns):
        return _with_edges if "x1" in columns else _with_sizes
    if "image" in columns and "bbox" in columns:
        return _with_boxes
    if len(first) >= 9 and first[0].lower() in VERTEX_SETS:
        return _of_vertex
    if "image" not in columns and _is_bare(first):
        return _without_header
    return None


def _is_bare(first: Sequence[str]) -> bool:
    """Whether a line is an object or an image without objects, in a file without a header."""
    if len(first) == len(BARE_AND_SIZE):
        return is_image(Path(first[0])) and all(cell.isdecimal() for cell in first[-2:])
    return len(first) == len(BARE) and (is_image(Path(first[0])) or not any(first[1:5]))


def _with_edges(path: Path, lines: Sequence[Line]) -> Table:
    return Table(path, _rows(lines[1:], columns_of(lines[0][1])))


def _with_sizes(path: Path, lines: Sequence[Line]) -> Table:
    """Tables with the upper left corner and the size of each box."""
    header = lines[0][1]
    columns = columns_of(header)
    rows = _rows(lines[1:], columns)
    for row in rows:
        cells = [row[name] for name in CORNER_AND_SIZE]
        x, y, width, height = map(to_number, cells)
        edges = (x, y, x + width, y + height)
        row |= dict(zip(EDGES, map(str, edges) if any(cells) else cells, strict=True))
    x_name, y_name, *sizes = (header[columns[name]] for name in CORNER_AND_SIZE)
    named = f"{x_name}, {y_name}, {' and '.join(sizes)}"
    return Table(path, rows, (f"{path.name}: {named} were read as the box's upper left corner and size",))


def _without_header(path: Path, lines: Sequence[Line]) -> Table:
    return Table(path, _rows(lines, {name: i for i, name in enumerate(BARE_AND_SIZE[: len(lines[0][1])])}))


def _rows(lines: Sequence[Line], columns: dict[str, int]) -> list[Row]:
    return [
        {"line": str(number)} | {name: cells[i] if i < len(cells) else "" for name, i in columns.items()}
        for number, cells in lines
    ]


def _with_boxes(path: Path, lines: Sequence[Line]) -> Table:
    """Kaggle's tables: one cell holds all four numbers of a box."""
    columns = columns_of(lines[0][1])
    rows = _rows(lines[1:], columns)
    boxes = np.array([_four(row["bbox"]) for row in rows]).reshape(-1, 4)
    form = form_of(boxes, np.array([size_of(row) or (nan, nan) for row in rows]).reshape(-1, 2))
    notes = [f"{path.name}: the column {lines[0][1][columns['bbox']]} was read as {WHAT[form]}"]
    if "class" not in columns:
        notes.append(f"{path.name} has no column of classes; all objects got the class 'object'")
    for row, edges in zip(rows, edges_of(boxes, form).tolist(), strict=True):
        row |= dict(zip(EDGES, map(str, edges) if row["bbox"] else [""] * 4, strict=True))
        row["class"] = row.get("class") or ("object" if row["bbox"] and "class" not in columns else "")
    return Table(path, rows, tuple(notes))


def _four(text: str) -> list[float]:
    """The numbers of a box, NaN if they are not four."""
    numbers = [float(number) for number in _NUMBERS.findall(text)]
    return numbers if len(numbers) == 4 else [nan] * 4


def _of_vertex(path: Path, lines: Sequence[Line]) -> Table:
    """Vertex AI's tables: set, address, label, and two or four corners as parts of the image."""
    rows = []
    for number, cells in lines:
        corners = (cells[3:11] + [""] * 8)[:8]
        xs, ys = [cell for cell in corners[::2] if cell], [cell for cell in corners[1::2] if cell]
        edges = [_extreme(min, xs), _extreme(min, ys), _extreme(max, xs), _extreme(max, ys)]
        split = "" if cells[0].lower() == "unassigned" else cells[0].lower()
        image, name = (*cells[1:3], "", "")[:2]
        row = {"line": str(number), "image": image, "class": name, "split": split}
        rows.append(row | dict(zip(EDGES, edges, strict=True)))
    return Table(path, rows)


def _extreme(choose: Callable[..., float], cells: Sequence[str]) -> str:
    return str(choose(map(to_number, cells))) if cells else ""


def size_of(row: Row) -> tuple[int, int] | None:
    """Width and height of a row's image in pixels. None if the row does not give them."""
    return bounds.size_of(row.get("width"), row.get("height"))


def to_number(text: str) -> float:
    """Convert a text to a number. NaN if it is not one."""
    try:
        return float(text)
    except ValueError:
        return nan
