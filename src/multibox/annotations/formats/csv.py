"""CSV, a row an object: image, class, and the edges x0, y0, x1, y1 in pixels from 0.

The header names the columns, in any order, in the words that tools commonly use. Without a header a row is ``image, x0,
y0, x1, y1, class``. A row without class and box is an image without objects. A column ``split`` divides the images,
else the file's name does.
"""

import csv
from collections import defaultdict
from io import StringIO
from math import inf, nan
from pathlib import Path

import numpy as np

from multibox.annotations.annotation import UNSPLIT, Annotation, Item, Options, Part, read_text
from multibox.annotations.files import Files
from multibox.annotations.images import Images
from multibox.annotations.problem import Problem
from multibox.annotations.splits import map_files, map_names
from multibox.errors import BadInput

NAME = "csv"
TITLE = "CSV"

COLUMNS = {
    "image": ("image", "filename", "file_name", "file", "path", "image_path", "image_name"),
    "x0": ("x0", "xmin", "x_min", "left"),
    "y0": ("y0", "ymin", "y_min", "top"),
    "x1": ("x1", "xmax", "x_max", "right"),
    "y1": ("y1", "ymax", "y_max", "bottom"),
    "class": ("class", "label", "name", "class_name", "category"),
    "split": ("split", "set", "subset"),
    "width": ("width", "image_width"),
    "height": ("height", "image_height"),
}
"""Our name of each column, and the names that files give it."""

FROM_ONE_TO_TWO = {"x1": "x0", "y1": "y0", "x2": "x1", "y2": "y1"}
"""Our names where a file calls the edges x1, y1, x2, y2."""

_EDGES = ("x0", "y0", "x1", "y1")
REQUIRED = ("image", *_EDGES, "class")


def find(files: Files) -> list[Path]:
    """The CSV files."""
    return files.with_suffix(".csv")


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read CSV files.

    Args:
        files: Files of the source.
        found: Paths of the CSV files. Without a column ``split``, each is a split if its name or another's means one.
        options: What the user said about the data.

    Returns:
        The items in the order of the files.

    Raises:
        BadInput: Columns are missing, there is no row, or a row names no image.
    """
    images = Images(files, options.images)
    names = map_files(path.stem for path in found)
    splits: dict[str, list[Item]] = defaultdict(list)
    for path in found:
        by_image: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
        for row in _rows(path):
            by_image[row.get("split", ""), row["image"]].append(row)
        columns = map_names(split for split, _ in by_image)
        placed = [(columns[written] or names[path.stem], image) for written, image in by_image]
        paths = images.of_names([image for _, image in placed], path)
        for (split, image), file, rows in zip(placed, paths, by_image.values(), strict=True):
            item = Item(Path(image).with_suffix("").as_posix(), file, _annotation(path, image, rows))
            splits[split].append(item)
    return Part(
        found[0] if len(found) == 1 else files.root,
        dict(splits),
        files=tuple(found),
        splits_from="" if set(splits) == {UNSPLIT} else "the column of splits, or the names of the files",
    )


def _rows(file: Path) -> list[dict[str, str]]:
    """Cells by the name of their column. ``line`` is the line of the file where a row ends."""
    reader = csv.reader(StringIO(read_text(file)))
    lines = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]
    if not lines:
        raise BadInput(file, "is empty; write a row an object: image, x0, y0, x1, y1, class")
    header = [cell.strip().lower() for cell in lines[0][1]]
    has_header = any(name in header for name in COLUMNS["image"])
    columns = _columns(file, header) if has_header else {name: i for i, name in enumerate(REQUIRED)}
    rows = [
        {"line": str(number)} | {name: line[i].strip() if i < len(line) else "" for name, i in columns.items()}
        for number, line in lines[has_header:]
    ]
    if not rows:
        raise BadInput(file, "has a header and no row")
    nameless = [row["line"] for row in rows if not Path(row["image"]).name]
    if nameless:
        raise BadInput(file, f"line {nameless[0]}: names no image; name one, or remove the line")
    return rows


def _columns(file: Path, header: list[str]) -> dict[str, int]:
    if "x2" in header:
        header = [FROM_ONE_TO_TWO.get(cell, cell) for cell in header]
    columns = {}
    for name, words in COLUMNS.items():
        found = [header.index(word) for word in words if word in header]
        if found:
            columns[name] = found[0]
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise BadInput(file, f"no column {', '.join(missing)} in its header {', '.join(header)}; name them so")
    return columns


def _annotation(file: Path, image: str, rows: list[dict[str, str]]) -> Annotation | Problem:
    objects = [row for row in rows if any(row[name] for name in ("class", *_EDGES))]
    nameless = [row["line"] for row in objects if not row["class"]]
    if nameless:
        return Problem("annotation", f"{file}, {image}", f"line {nameless[0]}", "has no class")
    width, height = (_number(rows[0].get(name, "")) for name in ("width", "height"))
    return Annotation(
        f"{file}, {image}",
        tuple(row["class"] for row in objects),
        np.array([[_number(row[name]) for name in _EDGES] for row in objects]).reshape(-1, 4),
        size=(int(width), int(height)) if 0 < width < inf and 0 < height < inf else None,
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan
