"""CSV with one row per object: image, class, and box edges in pixels from 0 or as fractions of the image.

A row without class and box is an image without objects. A column ``split`` assigns images to splits. Without it, the
names of the files or of their folders do.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from multibox.annotations.annotation import UNSPLIT, Annotation, Item, Options, Part, ids_of
from multibox.annotations.csv_files import first_line, why_unreadable
from multibox.annotations.drawn import is_set
from multibox.annotations.files import Files
from multibox.annotations.formats.csv_columns import EDGES, columns_of, lacking
from multibox.annotations.formats.csv_open_images import code_lists, listed_images, pairs
from multibox.annotations.formats.csv_tables import Row, Table, has_objects, read_table, size_of, to_number
from multibox.annotations.images import Images
from multibox.annotations.problem import Problem
from multibox.annotations.splits import map_files, map_names, renamed, written_splits

NAME = "csv"
TITLE = "CSV"

SUFFIXES = (".csv", ".tsv")
Pair = tuple[Path, Annotation | Problem]
"""An image and its annotation."""

FLAGS = ("occluded", "truncated", "crowd")


def find(files: Files) -> list[Path]:
    """Find the CSV files whose first line is the header or first row of a table of objects.

    A single file is always taken. Tables that cannot be read are ignored if another can be read.
    """
    tables = _tables(files)
    readable = tables if len(tables) == 1 else [path for path in tables if not why_unreadable(path)]
    return readable or tables


def why_not(files: Files) -> str:
    """Explain why no CSV file is a table of objects. Empty if there are no CSV files."""
    listed = sorted(files.with_suffix(*SUFFIXES), key=lambda path: -len(columns_of(first_line(path))))
    if not listed:
        return ""
    reason = why_unreadable(listed[0]) or lacking(first_line(listed[0]))
    others = f"; none of the other {len(listed) - 1:,} CSV files is such a table" if len(listed) > 1 else ""
    return f"{files.short(listed[0])} {reason}{others}"


def _tables(files: Files) -> list[Path]:
    found = files.with_suffix(*SUFFIXES)
    return found if files.path.is_file() else [path for path in found if has_objects(path)]


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read CSV files.

    Args:
        files: Files of the dataset.
        found: Paths of the CSV files. Without a column ``split``, the name of each file or of its folder gives its
            split.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images in the order of the files.

    Raises:
        BadInput: Columns are missing, there is no row, or a row names no image.
    """
    images = Images(files, options.images)
    tables = [_named(read_table(path), files) for path in found]
    names = written_splits({table.path: [row["image"] for row in table.rows] for table in tables}, files.root)
    split_of = map_files(names.values())
    column = map_names(row.get("split", "") for table in tables for row in table.rows)
    pairs: dict[str, list[Pair]] = defaultdict(list)
    for table in tables:
        for split, found_here in _pairs(table, column, split_of[names[table.path]], images).items():
            pairs[split] += found_here
    for split, image in listed_images(files, {image.stem for each in pairs.values() for image, _ in each}):
        pairs[split].append((image, Annotation(str(image), (), np.empty((0, 4)))))
    splits = {split: _items(each, files.root) for split, each in pairs.items()}
    splits_from = "the column of splits" if any(column) else "the names of the files"
    classes, classes_from = _declared(files, splits)
    unread = [path for path in _tables(files) if path not in found]
    return Part(
        files.path if files.path.is_file() else files.root,
        splits,
        classes,
        files=tuple(found),
        splits_from="" if set(splits) == {UNSPLIT} else splits_from,
        classes_from=classes_from,
        notes=(
            *(note for table in tables for note in table.notes),
            *renamed(names.values()),
            *renamed(column),
            *(f"{files.short(path)} was passed over: {why_unreadable(path)}" for path in unread),
        ),
    )


def _items(pairs: Sequence[Pair], root: Path) -> list[Item]:
    ids = ids_of([image for image, _ in pairs], root)
    return [Item(item_id, image, annotation) for item_id, (image, annotation) in zip(ids, pairs, strict=True)]


def _pairs(table: Table, column: Mapping[str, str], split: str, images: Images) -> dict[str, list[Pair]]:
    """The images of a CSV table and their annotations, by split.

    Args:
        table: CSV table.
        column: Split of each value in the column of splits.
        split: Split of the images whose value means none.
        images: Images of the dataset.
    """
    by_image: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in table.rows:
        by_image[row.get("split", ""), row["image"]].append(row)
    splits: dict[str, list[Pair]] = defaultdict(list)
    paths: dict[tuple[str, str], Path] = {}
    for written in dict.fromkeys(written for written, _ in by_image):
        keys = [key for key in by_image if key[0] == written]
        found = images.of_names([image for _, image in keys], table.path, column[written] or split)
        paths |= zip(keys, found, strict=True)
    for (written, image), rows in by_image.items():
        splits[column[written] or split].append((paths[written, image], _annotation(table.path, image, rows)))
    return splits


def _annotation(file: Path, image: str, rows: Sequence[Row]) -> Annotation | Problem:
    objects = [row for row in rows if any(row[name] for name in ("class", *EDGES))]
    nameless = [row["line"] for row in objects if not row["class"]]
    if nameless:
        return Problem("annotation", f"{file}, {image}", f"line {nameless[0]}", "has no class")
    boxes = np.array([[to_number(row[name]) for name in EDGES] for row in objects]).reshape(-1, 4)
    flags = {flag: [is_set(row[flag]) for row in objects] for flag in FLAGS if flag in rows[0]}
    return Annotation(
        f"{file}, {image}", tuple(row["class"] for row in objects), boxes, size=size_of(rows[0]), columns=flags
    )


def _named(table: Table, files: Files) -> Table:
    """A table with names in place of codes such as ``/m/01yrx``, where a list of two columns explains them."""
    codes = {row["class"] for row in table.rows if row["class"]}
    names = next((names for names in code_lists(files).values() if codes and codes <= names.keys()), None)
    if names is None:
        return table
    rows = [row | {"class": names.get(row["class"], "")} for row in table.rows]
    return Table(table.path, rows, table.notes)


def _declared(files: Files, splits: Mapping[str, Sequence[Item]]) -> tuple[tuple[str, ...], str]:
    """Classes in the order of a list ``name,number`` or ``code,name``: of the latter those that the data have."""
    for path, names in code_lists(files).items():
        found = (item.annotation for items in splits.values() for item in items)
        used = {name for each in found if isinstance(each, Annotation) for name in each.names}
        kept = tuple(name for name in dict.fromkeys(names.values()) if name in used)
        if kept and len(kept) == len(used):
            return kept, path.name
    for path in files.named("classes.csv", "class.csv"):
        numbered = {number: name for name, number in pairs(path) if re.fullmatch("[0-9]{1,9}", number)}
        if numbered:
            return tuple(numbered[number] for number in sorted(numbered, key=int)), path.name
    return (), ""
