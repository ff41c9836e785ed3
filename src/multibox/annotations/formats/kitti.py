"""KITTI text: one ``.txt`` per image and one row per object, with its class and 14 numbers, four of them the box.

A row may end with a score. The 3D size, position and rotation of the object are dropped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from os.path import isfile
from pathlib import Path

import numpy as np

from multibox.annotations.annotation import Annotation, Item, Options, Part, ids_of, read_text
from multibox.annotations.class_lists import read_label_colors
from multibox.annotations.counting import counted
from multibox.annotations.files import Files, sample
from multibox.annotations.formats.kitti_splits import place
from multibox.annotations.images import Images, pair
from multibox.annotations.problem import Problem
from multibox.errors import BadInput

NAME = "kitti"
TITLE = "KITTI text"

DONT_CARE = "DontCare"
"""KITTI's class name for regions whose objects were not annotated."""

_COUNTS = (14, 15)
"""How many numbers follow the class: truncated, occluded, alpha, four edges, three sizes, three positions, a rotation,
and a score or none."""


def find(files: Files) -> list[Path]:
    """Find the text files with KITTI's rows, and empty ones in the same folders."""
    listed = files.with_suffix(".txt")
    if not any(_begins_with_row(path) for path in sample(listed)):
        return []
    certain = {path for path in listed if _begins_with_row(path)}
    folders = {path.parent for path in certain}
    stems = {image.stem for image in files.images}
    return [path for path in listed if path in certain or (path.parent in folders and path.stem in stems)]


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read KITTI label files.

    Splits come from lists (``ImageSets/*.txt``), else from the folders that the files lie in.

    Args:
        files: All files of the dataset, images included.
        found: Paths of the label files.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images of each split. The classes are those of ``label_colors.txt``, if there is one.

    Raises:
        BadInput: The list of a split in ``ImageSets`` is empty.
    """
    places = place(files, found)
    split_of = {path: split for split, paths in places.splits.items() for path in paths}
    rows = {path: _read_rows(path) for path in split_of}
    images = _pair(split_of, Images(files, options.images))
    splits = {
        split: [
            _item(item_id, path, images[path], rows[path])
            for item_id, path in zip(ids_of(paths, files.root), paths, strict=True)
        ]
        for split, paths in places.splits.items()
    }
    colors = files.named("label_colors.txt")
    classes = read_label_colors(colors[0]) if colors else ()
    return Part(
        files.path if files.path.is_file() else files.root,
        splits,
        tuple(name for name in classes if name != DONT_CARE),
        files=tuple(path for path in found if path in split_of),
        splits_from=places.origin,
        classes_from=files.short(colors[0]) if colors else "",
        notes=(*_notes(rows), *places.notes),
    )


@dataclass(frozen=True)
class _Row:
    """A row of a label file.

    Attributes:
        name: Name of the class.
        values: The 14 or 15 numbers after the class name. NaN in place of text that is not a number.
        has_score: Whether the row ends with a score, which is its 15th number.
    """

    name: str
    values: tuple[float, ...]
    has_score: bool


def _read_rows(file: Path) -> list[_Row] | Problem:
    if not isfile(file):
        return Problem("missing", str(file), "", "the annotation file is missing")
    try:
        lines = [line.split() for line in read_text(file).splitlines()]
    except BadInput as error:
        return Problem("annotation", str(file), "", error.message)
    rows = {number: _row(words) for number, words in enumerate(lines, start=1) if words}
    for number, row in rows.items():
        if row is None:
            detail = f"has {len(lines[number - 1])} columns; KITTI has a class and 14 numbers, or 15 with a score"
            return Problem("annotation", str(file), f"line {number}", detail)
    return [row for row in rows.values() if row is not None]


def _row(words: Sequence[str]) -> _Row | None:
    """The row that words are. None if there are too few or too many. The name of a class may have several words."""
    values = [_number(word) for word in words]
    last_word = max((i for i, value in enumerate(values) if value is None), default=0)
    begin = last_word + 1 if len(words) - last_word - 1 in _COUNTS else 1
    numbers = tuple(nan if value is None else value for value in values[begin:])
    return _Row(" ".join(words[:begin]), numbers, len(numbers) > _COUNTS[0]) if len(numbers) in _COUNTS else None


def _begins_with_row(path: Path) -> bool:
    """Whether the first line of a file has a class that is no number, and as many numbers as KITTI's rows."""
    with path.open("rb") as file:
        lines = file.read(512).decode("utf-8-sig", "replace").splitlines()
    words = next((line.split() for line in lines if line.strip()), [])
    row = _row(words)
    return row is not None and _number(words[0]) is None and not np.isnan(row.values).any()


def _pair(split_of: Mapping[Path, str], images: Images) -> dict[Path, Path | Problem]:
    """The image of each label file. Of two cameras, ``label_2`` belongs to ``image_2``."""
    written = []
    for path in split_of:
        own = path.parent.with_name(path.parent.name.replace("label", "image"))
        written.append(next((str(each) for each in images.of_stem(path.stem, path) if each.parent == own), ""))
    return dict(zip(split_of, pair(images, list(split_of), written, list(split_of.values())), strict=True))


def _item(item_id: str, path: Path, image: Path | Problem, rows: list[_Row] | Problem) -> Item:
    if isinstance(image, Problem):
        return Item(item_id, path, image)
    return Item(item_id, image, rows if isinstance(rows, Problem) else _annotation(path, rows))


def _annotation(file: Path, rows: Sequence[_Row]) -> Annotation:
    """The objects of an image. Truncated is any object of which a part is beyond the image."""
    kept = [row for row in rows if row.name != DONT_CARE]
    return Annotation(
        str(file),
        tuple(row.name for row in kept),
        np.array([row.values[3:7] for row in kept], np.float64).reshape(-1, 4),
        columns={
            "truncated": [row.values[0] > 0 for row in kept],
            "occluded": [row.values[1] in (1, 2) for row in kept],
        },
    )


def _notes(read_files: Mapping[Path, list[_Row] | Problem]) -> tuple[str, ...]:
    rows = [row for each in read_files.values() if not isinstance(each, Problem) for row in each]
    regions = sum(row.name == DONT_CARE for row in rows)
    scores = sum(row.has_score for row in rows)
    notes = []
    if regions:
        notes.append(f"{counted(regions, 'region')} {DONT_CARE} {'was' if regions == 1 else 'were'} left out")
    if scores:
        notes.append(f"{counted(scores, 'row has', 'rows have')} a score, which was left out")
    return tuple(notes)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
