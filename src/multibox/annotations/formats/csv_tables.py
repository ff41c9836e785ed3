"""Tables of objects in the dialects that tools write, as rows of one kind: cells by our names of the columns."""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from math import inf, nan
from pathlib import Path

import numpy as np

from multibox.annotations.annotation import read_text
from multibox.annotations.files import is_image
from multibox.annotations.four_numbers import WHAT, edges_of, form_of
from multibox.errors import BadInput

Row = dict[str, str]
"""Cells by the name of their column. ``line`` is the line of the file where the row ends."""

COLUMNS = {
    "image": (
        "image",
        "filename",
        "file_name",
        "file",
        "path",
        "image_path",
        "image_name",
        "image_id",
        "imageid",
        "img",
    ),
    "x0": ("x0", "xmin", "x_min", "left"),
    "y0": ("y0", "ymin", "y_min", "top"),
    "x1": ("x1", "xmax", "x_max", "right"),
    "y1": ("y1", "ymax", "y_max", "bottom"),
    "class": ("class", "label", "name", "class_name", "category", "labelname", "class_id"),
    "split": ("split", "set", "subset"),
    "width": ("width", "image_width"),
    "height": ("height", "image_height"),
    "bbox": ("bbox", "box", "bounding_box"),
    "occluded": ("isoccluded", "occluded"),
    "truncated": ("istruncated", "truncated"),
    "crowd": ("isgroupof", "iscrowd"),
}
"""Our name of each column, and the names that files give it, in lower case."""

FROM_ONE_TO_TWO = {"x1": "x0", "y1": "y0", "x2": "x1", "y2": "y1"}
"""Our names where a file calls the edges x1, y1, x2, y2."""

EDGES = ("x0", "y0", "x1", "y1")
BARE = ("image", *EDGES, "class")
"""The columns of a file without a header."""

VERTEX_SETS = ("train", "training", "validation", "test", "unassigned")
_NUMBERS = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Table:
    """A CSV file.

    Attributes:
        path: Path of the CSV file.
        rows: Rows of the file: one for each object, and one for each image without objects.
        notes: Sentences about what was guessed.
    """

    path: Path
    rows: list[Row]
    notes: tuple[str, ...] = ()


def has_objects(path: Path) -> bool:
    """Whether a CSV file lists objects, by its header or by the first row."""
    lines = _lines(read_text(path)[:65536])
    return bool(lines) and _reader(lines[0][1]) is not None


def read_table(path: Path) -> Table:
    """Read a CSV file.

    Raises:
        BadInput: Columns are missing, there is no row, or a row names no image.
    """
    lines = _lines(read_text(path))
    if not lines:
        raise BadInput(path, "is empty; write one row per object: image, x0, y0, x1, y1, class")
    reader = _reader(lines[0][1])
    if reader is None:
        header = ", ".join(lines[0][1])
        raise BadInput(path, f"no column {_missing(lines[0][1])} in its header {header}; name them so")
    table = reader(path, lines)
    if not table.rows:
        raise BadInput(path, "has a header and no row")
    nameless = [row["line"] for row in table.rows if not Path(row["image"]).name]
    if nameless:
        raise BadInput(path, f"line {nameless[0]}: names no image; name one, or remove the line")
    return table


Lines = list[tuple[int, list[str]]]
"""The cells of each line that is not blank, and the line's number."""


def _lines(text: str) -> Lines:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(StringIO(text), delimiter=delimiter)
    return [(reader.line_num, [cell.strip() for cell in line]) for line in reader if any(cell.strip() for cell in line)]


def _reader(first: Sequence[str]) -> Callable[[Path, Lines], Table] | None:
    """The function that reads a file with this first line. None if it is no table of objects."""
    columns = _columns(first)
    if "image" in columns and {"class", *EDGES} <= columns.keys():
        return _with_header
    if "image" in columns and "bbox" in columns:
        return _with_boxes
    if len(first) >= 9 and first[0].lower() in VERTEX_SETS:
        return _of_vertex
    if len(first) == len(BARE) and "image" not in columns and (is_image(Path(first[0])) or not any(first[1:5])):
        return _without_header
    return None


def _columns(header: Sequence[str]) -> dict[str, int]:
    names = [cell.lower() for cell in header]
    if "x2" in names:
        names = [FROM_ONE_TO_TWO.get(name, name) for name in names]
    found = {name: [names.index(word) for word in words if word in names] for name, words in COLUMNS.items()}
    return {name: positions[0] for name, positions in found.items() if positions}


def _missing(header: Sequence[str]) -> str:
    columns = _columns(header)
    return ", ".join(name for name in BARE if name not in columns)


def _with_header(path: Path, lines: Lines) -> Table:
    return Table(path, _rows(lines[1:], _columns(lines[0][1])))


def _without_header(path: Path, lines: Lines) -> Table:
    return Table(path, _rows(lines, {name: i for i, name in enumerate(BARE)}))


def _rows(lines: Lines, columns: dict[str, int]) -> list[Row]:
    return [
        {"line": str(number)} | {name: cells[i] if i < len(cells) else "" for name, i in columns.items()}
        for number, cells in lines
    ]


def _with_boxes(path: Path, lines: Lines) -> Table:
    """Kaggle's tables: one cell holds all four numbers of a box."""
    columns = _columns(lines[0][1])
    rows = _rows(lines[1:], columns)
    boxes = np.array([_four(row["bbox"]) for row in rows]).reshape(-1, 4)
    form = form_of(boxes, np.array([size_of(row) or (nan, nan) for row in rows]).reshape(-1, 2))
    notes = [f"{path.name}: the column {lines[0][1][columns['bbox']]} was taken as {WHAT[form]}"]
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


def _of_vertex(path: Path, lines: Lines) -> Table:
    """Vertex AI's tables: set, address, label, and two or four corners as parts of the image."""
    rows = []
    for number, cells in lines:
        corners = (cells[3:11] + [""] * 8)[:8]
        xs, ys = [cell for cell in corners[::2] if cell], [cell for cell in corners[1::2] if cell]
        edges = [_extreme(min, xs), _extreme(min, ys), _extreme(max, xs), _extreme(max, ys)]
        split = "" if cells[0].lower() == "unassigned" else cells[0].lower()
        row = {"line": str(number), "image": cells[1], "class": cells[2], "split": split}
        rows.append(row | dict(zip(EDGES, edges, strict=True)))
    return Table(path, rows)


def _extreme(choose: Callable[..., float], cells: Sequence[str]) -> str:
    return str(choose(map(to_number, cells))) if cells else ""


def size_of(row: Row) -> tuple[int, int] | None:
    """Width and height of a row's image in pixels. None if they are missing."""
    width, height = (to_number(row.get(name, "")) for name in ("width", "height"))
    return (int(width), int(height)) if 0 < width < inf and 0 < height < inf else None


def to_number(text: str) -> float:
    """The number that a text is, else NaN."""
    try:
        return float(text)
    except ValueError:
        return nan
