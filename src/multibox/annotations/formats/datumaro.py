"""Datumaro JSON: one file per split, with ``items`` and ``categories``.

Polygons and masks of one class and one ``group`` are parts of one object, as in Datumaro's own exports.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from multibox.annotations.annotation import Options, Part
from multibox.annotations.bounds import NOWHERE, Bounds, of_box, of_points, of_runs, size_of
from multibox.annotations.described import Described, described, part_of
from multibox.annotations.drawn import BOX, Damaged, Drawn, class_name, entries, fields, flags_of, place
from multibox.annotations.files import Files
from multibox.annotations.splits import usual_split
from multibox.errors import BadInput

NAME = "datumaro"
TITLE = "Datumaro JSON"

_AREAS = {"polygon", "mask"}
"""Types that may be parts of one object."""

_WORDS = {"bbox": BOX, "polyline": "line", "points": "group of points", "cuboid_3d": "cuboid", "cuboid_2d": "cuboid"}
"""The word in messages for a ``type`` that is no word by itself."""

_OF_IMAGES = ("label", "caption")
"""Types that say something of the image and not of an object."""


def find(files: Files) -> list[Path]:
    """Find the JSON files that hold the list ``items`` and the category type ``label``."""
    return files.json_where(is_its)


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read Datumaro files.

    Args:
        files: All files of the dataset, images included.
        found: Paths of the Datumaro files. The name of each file or of its folder gives its split.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images by split, in the order of the files, and the classes in the order of ``labels``.

    Raises:
        BadInput: A file lists no classes, or has a class without a name.
    """
    in_order = sorted(found, key=lambda path: usual_split(path.stem) != "train")
    labels = {path: _labels(path, files.json(path)) for path in in_order}
    images = [each for path in found for each in _images(path, files.json(path)["items"], labels[path])]
    classes = tuple(dict.fromkeys(name for path in in_order for name in labels[path]))
    differ = len(set(labels.values())) > 1
    notes = ["the files list their classes differently, so classes were matched by name"] if differ else []
    return part_of(files, options, images, classes=classes, classes_from="the list of labels", notes=notes)


def is_its(content: Any) -> bool:
    """Whether a JSON file is Datumaro's: it holds a list ``items`` and the category type ``label``."""
    has = fields(content)
    return isinstance(has.get("items"), list) and "label" in fields(has.get("categories"))


def _labels(path: Path, content: dict[str, Any]) -> tuple[str, ...]:
    """The class names of one file. The position is the ``label_id``."""
    try:
        listed = entries(fields(content["categories"]["label"]).get("labels"), "categories.label.labels")
        return tuple(class_name(each.get("name"), f"label {index}") for index, each in enumerate(listed))
    except Damaged as damage:
        where = f"{damage.object}: " if damage.object else ""
        raise BadInput(
            path, f"{where}{damage.detail}; write a name into each entry of categories.label.labels"
        ) from None


def _images(path: Path, items: list[Any], labels: Sequence[str]) -> Iterator[Described]:
    for item in items:
        has = fields(item)
        image = fields(has.get("image") or has.get("media"))
        sides = image.get("size")
        height, width = sides if isinstance(sides, list) and len(sides) == 2 else (None, None)
        parse = partial(_objects, has.get("annotations"), labels)
        yield described(path, image.get("path") or has.get("id"), parse, size_of(width, height))


def _objects(annotations: Any, labels: Sequence[str]) -> Iterator[Drawn]:
    """The objects of one image, each where the first of its parts is."""
    listed = entries(annotations, "annotations")
    parts: dict[tuple[Any, ...], list[tuple[str, Drawn]]] = {}
    for index, each in enumerate(listed):
        kind = each.get("type")
        if kind in _OF_IMAGES:
            continue
        where = place(index, len(listed))
        if not isinstance(kind, str):
            raise Damaged(where, "has no type")
        name = _class(each.get("label_id"), labels, where)
        drawn = Drawn(_WORDS.get(kind, kind), name, _bounds(kind, each), _flags(each.get("attributes")))
        group = each.get("group")
        is_grouped = isinstance(group, int) and group > 0 and drawn.bounds is not None
        parts.setdefault((name, group) if is_grouped else (index,), []).append((kind, drawn))
    for found in parts.values():
        yield from _joined(found) if any(kind in _AREAS for kind, _ in found) else (drawn for _, drawn in found)


def _joined(parts: list[tuple[str, Drawn]]) -> list[Drawn]:
    """The parts of one object as one, with its box if that is one of them."""
    if len(parts) == 1:
        return [parts[0][1]]
    whole = [drawn for kind, drawn in parts if kind == "bbox"] or [drawn for _, drawn in parts]
    edges = np.array([drawn.bounds for drawn in whole], np.float64)
    x0, y0 = edges[:, :2].min(axis=0).tolist()
    x1, y1 = edges[:, 2:].max(axis=0).tolist()
    flags = frozenset().union(*(drawn.flags for _, drawn in parts))
    return [Drawn("object of several parts", parts[0][1].name, (x0, y0, x1, y1), flags)]


def _bounds(kind: str, annotation: dict[str, Any]) -> Bounds | None:
    """The bounds of an annotation. None if it has no area."""
    if kind == "bbox":
        box = annotation.get("bbox")
        return of_box(*box) if isinstance(box, list) and len(box) == 4 else NOWHERE
    if kind in ("polygon", "ellipse"):
        return of_points(annotation.get("points"))
    if kind == "mask":
        runs = fields(annotation.get("rle"))
        return of_runs(runs.get("counts"), runs.get("size"))
    return None


def _class(number: Any, labels: Sequence[str], where: str) -> str:
    if not isinstance(number, int) or isinstance(number, bool):
        raise Damaged(where, "has no label_id")
    if not 0 <= number < len(labels):
        raise Damaged(where, f"has the label_id {number}, but the file lists {len(labels)} labels")
    return labels[number]


def _flags(attributes: Any) -> frozenset[str]:
    """The flags of an annotation, whose crowds are called ``is_crowd``."""
    has = fields(attributes)
    return flags_of(has, {"crowd": has.get("is_crowd")})
