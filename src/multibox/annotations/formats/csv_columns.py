"""The columns of a table of objects: names that tools use for them, and which of them are missing."""

import re
from collections.abc import Sequence

COLUMNS = {
    "image": (
        "image",
        "filename",
        "file_name",
        "file",
        "path",
        "image_path",
        "img_path",
        "image_name",
        "img_name",
        "image_id",
        "imageid",
        "img",
    ),
    "x0": ("x0", "xmin", "x_min", "left", "x", "upper_left_corner_x"),
    "y0": ("y0", "ymin", "y_min", "top", "y", "upper_left_corner_y"),
    "x1": ("x1", "xmax", "x_max", "right", "lower_right_corner_x"),
    "y1": ("y1", "ymax", "y_max", "bottom", "lower_right_corner_y"),
    "box_width": ("w", "bbox_width", "box_width", "width"),
    "box_height": ("h", "bbox_height", "box_height", "height"),
    "bbox": ("bbox", "box", "bounding_box"),
    "class": (
        "class",
        "label",
        "name",
        "class_name",
        "category",
        "category_name",
        "label_name",
        "labelname",
        "annotation_tag",
        "class_id",
    ),
    "split": ("split", "set", "subset"),
    "width": ("image_width", "img_width", "width"),
    "height": ("image_height", "img_height", "height"),
    "occluded": ("isoccluded", "occluded"),
    "truncated": ("istruncated", "truncated"),
    "crowd": ("isgroupof", "iscrowd"),
}
"""Multibox's name of each column, and the names that tools give it, in lower case with ``_`` for spaces."""

FROM_ONE_TO_TWO = {"x1": "x0", "y1": "y0", "x2": "x1", "y2": "y1"}
"""Multibox's names of the edges in files that call them x1, y1, x2, y2."""

EDGES = ("x0", "y0", "x1", "y1")
CORNER_AND_SIZE = ("x0", "y0", "box_width", "box_height")

NEEDED = (
    "a table of objects needs an image, a class, and xmin, ymin, xmax, ymax "
    "(or x, y, width, height, or one bbox column)"
)

_SHOWN = 12
"""Columns that a message lists at most, each with at most 30 characters."""


def columns_of(header: Sequence[str]) -> dict[str, int]:
    """Find the position of each known column, by Multibox's name of it.

    ``width`` and ``height`` are read as the size of the box if the table has the box's upper left corner, and gives its
    size or its lower right corner in no other way. Otherwise they are the size of the image.
    """
    names = [_plain(cell) for cell in header]
    if "x2" in names:
        names = [FROM_ONE_TO_TWO.get(name, name) for name in names]
    listed = {name: [names.index(word) for word in words if word in names] for name, words in COLUMNS.items()}
    found = {name: positions[0] for name, positions in listed.items() if positions}
    has_size = found.keys() >= set(CORNER_AND_SIZE) and not {"x1", "y1", "bbox"} & found.keys()
    if not has_size:
        return {name: i for name, i in found.items() if name not in CORNER_AND_SIZE[2:]}
    of_box = {found["box_width"], found["box_height"]}
    return {name: i for name, i in found.items() if name not in ("width", "height") or i not in of_box}


def has_box(columns: dict[str, int]) -> bool:
    """Whether the columns give the edges of a box, or its upper left corner and size."""
    return columns.keys() >= set(EDGES) or columns.keys() >= set(CORNER_AND_SIZE)


def lacking(header: Sequence[str]) -> str:
    """Say which required columns a header lacks, to follow the file's name in a message."""
    if not header:
        return f"is empty; {NEEDED}"
    columns = columns_of(header)
    box = has_box(columns) or "bbox" in columns
    has = {"an image": "image" in columns, "a class": "class" in columns, "a box": box}
    lacks = ", ".join(name for name, is_there in has.items() if not is_there)
    listed = ", ".join(" ".join(cell.split())[:30] for cell in header[:_SHOWN]) + (
        ", ..." if len(header) > _SHOWN else ""
    )
    return f"has the columns {listed}, and lacks {lacks}; {NEEDED}"


def _plain(cell: str) -> str:
    """A column's name in lower case, with ``_`` for spaces, and without the ``bbox_`` before coordinates."""
    name = re.sub(r"[\s-]+", "_", cell.lower())
    return re.sub(r"^(?:bbox|box)_(?=(?:[xy]|[wh]$|left|top|right|bottom))", "", name)
