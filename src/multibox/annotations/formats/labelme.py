"""labelme JSON: one file per image, with ``shapes``, ``imagePath`` and possibly the image itself in ``imageData``."""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from errno import EINVAL
from math import dist
from os.path import isfile
from pathlib import Path
from typing import Any

from multibox.annotations.annotation import UNSPLIT, Item, Options, Part, ids_of
from multibox.annotations.bounds import NOWHERE, Bounds, of_ellipse, of_mask_image, of_points, size_of
from multibox.annotations.counting import counted
from multibox.annotations.drawn import (
    BOX,
    Damaged,
    Drawn,
    annotation_of,
    class_name,
    drawn_or_problem,
    entries,
    flags_of,
    place,
    shape_notes,
)
from multibox.annotations.files import Files
from multibox.annotations.images import Images, pair
from multibox.annotations.problem import Problem
from multibox.annotations.splits import splits_by_folder
from multibox.errors import BadInput

NAME = "labelme"
TITLE = "labelme JSON"

_WORDS = {
    "rectangle": BOX,
    "oriented_rectangle": "rotated box",
    "rotation": "rotated box",
    "polygon": "polygon",
    "circle": "circle",
    "mask": "mask",
    "point": "point",
    "points": "group of points",
    "line": "line",
    "linestrip": "line",
}
"""The word in messages for each ``shape_type``."""


@dataclass(frozen=True)
class EmbeddedImage:
    """An image inside a labelme file.

    Attributes:
        file: Path of the labelme file, which holds the image in ``imageData``.
    """

    file: Path

    def __str__(self) -> str:
        return f"{self.file}, imageData"

    def read_bytes(self) -> bytes:
        """Decode the bytes of the image.

        Raises:
            OSError: The field ``imageData`` is not base64.
        """
        try:
            return base64.b64decode(json.loads(self.file.read_bytes())["imageData"], validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise OSError(EINVAL, "does not hold a base64 image") from None


def find(files: Files) -> list[Path]:
    """Find the JSON files, if any file in a sample has the fields ``shapes`` and ``imagePath``."""
    return files.with_suffix(".json") if files.has_json(is_its) else []


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read labelme files. Splits come from the folders that the files lie in.

    Args:
        files: All files of the dataset, images included.
        found: Paths of the JSON files. Files without labelme's fields are ignored.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images of each split.
    """
    written = {path: each for path in found if (each := _read_file(path, files)) is not None}
    split_of = dict(zip(written, splits_by_folder(list(written), files.root), strict=True))
    images = Images(files, options.images)
    names = [each.image for each in written.values()]
    paths = dict(zip(written, pair(images, list(written), names, list(split_of.values())), strict=True))
    splits = {split: _items(split, split_of, written, paths, files.root) for split in dict.fromkeys(split_of.values())}
    return Part(
        files.path if files.path.is_file() else files.root,
        splits,
        files=tuple(written),
        splits_from="" if set(splits) <= {UNSPLIT} else "the names of the folders",
        notes=_notes(written, len(found), splits),
    )


@dataclass(frozen=True)
class _Written:
    """A labelme file.

    Attributes:
        image: Name of the image as written.
        drawn: Objects of the image, or the problem because of which they cannot be read.
        size: Width and height of the image in pixels. None if the file does not give them.
        is_embedded: Whether the file holds the image too.
        groups: Number of shapes that have the same class and group as another shape.
    """

    image: str
    drawn: tuple[Drawn, ...] | Problem
    size: tuple[int, int] | None = None
    is_embedded: bool = False
    groups: int = 0


def is_its(content: Any) -> bool:
    """Whether a JSON file is labelme's: it holds a list of shapes and the name of an image."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imagePath" in content


def _read_file(path: Path, files: Files) -> _Written | None:
    """One file. None if it is JSON of another kind."""
    try:
        content = files.json(path)
    except BadInput as error:
        return _Written("", Problem("annotation", str(path), "", error.message))
    if not is_its(content):
        return None
    image, data = content["imagePath"], content.get("imageData")
    return _Written(
        image if isinstance(image, str) else "",
        drawn_or_problem(str(path), lambda: _objects(content)),
        size_of(content.get("imageWidth"), content.get("imageHeight")),
        isinstance(data, str) and bool(data),
        _grouped(content["shapes"]),
    )


def _objects(content: dict[str, Any]) -> Iterator[Drawn]:
    shapes = entries(content["shapes"], "shapes")
    for number, shape in enumerate(shapes):
        where = place(number, len(shapes))
        kind = shape.get("shape_type") or "polygon"
        if not isinstance(kind, str):
            raise Damaged(where, "has a shape_type that is not text")
        word = _WORDS.get(kind, f"shape of the type {kind}")
        name = class_name(shape.get("label"), where)
        yield Drawn(word, name, _bounds(kind, shape), flags_of(shape, shape.get("flags")))


def _bounds(kind: str, shape: dict[str, Any]) -> Bounds | None:
    """The bounds of a shape. None if it has no area."""
    points = shape.get("points")
    if kind in ("rectangle", "polygon", "oriented_rectangle", "rotation"):
        return of_points(points)
    if kind == "circle":
        return _circle(points)
    if kind == "mask":
        x, y, *_ = of_points(points)
        return of_mask_image(x, y, shape.get("mask"))
    return None


def _circle(points: Any) -> Bounds:
    """The bounds of a circle, given by its centre and a point on it."""
    try:
        (x, y), edge = points
        radius = dist((x, y), edge)
        return of_ellipse(x, y, radius, radius)
    except (TypeError, ValueError, OverflowError):
        return NOWHERE


def _grouped(shapes: list[Any]) -> int:
    groups = Counter(
        (str(shape.get("label")), str(shape["group_id"]))
        for shape in shapes
        if isinstance(shape, dict) and shape.get("group_id") is not None
    )
    return sum(count for count in groups.values() if count > 1)


def _items(
    split: str,
    split_of: Mapping[Path, str],
    written: Mapping[Path, _Written],
    paths: Mapping[Path, Path | Problem],
    root: Path,
) -> list[Item]:
    members = [path for path in written if split_of[path] == split]
    return [
        _item(item_id, path, written[path], paths[path])
        for item_id, path in zip(ids_of(members, root), members, strict=True)
    ]


def _item(item_id: str, path: Path, written: _Written, image: Path | Problem) -> Item:
    if isinstance(written.drawn, Problem):
        return Item(item_id, path if isinstance(image, Problem) else image, written.drawn)
    annotation = annotation_of(str(path), written.drawn, written.size)
    if written.is_embedded and (isinstance(image, Problem) or not isfile(image)):
        return Item(item_id, EmbeddedImage(path), annotation)
    return Item(item_id, path, image) if isinstance(image, Problem) else Item(item_id, image, annotation)


def _notes(written: Mapping[Path, _Written], found: int, splits: Mapping[str, list[Item]]) -> tuple[str, ...]:
    embedded = sum(isinstance(item.image, EmbeddedImage) for items in splits.values() for item in items)
    groups = sum(each.groups for each in written.values())
    others = found - len(written)
    notes = list(shape_notes(each.drawn for each in written.values()))
    if embedded:
        notes.append(
            counted(
                embedded,
                "image file is missing; the image was taken from imageData in its annotation file",
                "image files are missing; the images were taken from imageData in their annotation files",
            )
        )
    if groups:
        notes.append(
            f"{counted(groups, 'shape shares', 'shapes share')} class and group_id with other shapes; each shape was "
            "read as a separate object"
        )
    if others:
        notes.append(
            f"{counted(others, 'JSON file holds', 'JSON files hold')} something other than labelme's annotations and "
            f"{'was' if others == 1 else 'were'} ignored"
        )
    return tuple(notes)
