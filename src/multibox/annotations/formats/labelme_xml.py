"""LabelMe's XML: one file per image, with the root element ``<annotation>`` and polygons as objects."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multibox.annotations.annotation import UNSPLIT, Item, Options, Part, ids_of
from multibox.annotations.bounds import of_points, size_of
from multibox.annotations.counting import counted
from multibox.annotations.drawn import (
    BOX,
    Drawn,
    annotation_of,
    class_name,
    drawn_or_problem,
    flags_of,
    place,
    shape_notes,
)
from multibox.annotations.files import Files, sample
from multibox.annotations.images import Images, pair
from multibox.annotations.problem import Problem
from multibox.annotations.splits import splits_by_folder
from multibox.annotations.xml_files import dialects, is_labelme, read_xml, text_of

NAME = "labelme-xml"
TITLE = "LabelMe XML"

_SHAPES = {1: "point", 2: "line"}
"""What polygons of so few points are."""


def find(files: Files) -> list[Path]:
    """Find the XML files, if any file in a sample is LabelMe's."""
    found = files.with_suffix(".xml")
    return found if "labelme" in dialects(sample(found)) else []


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read LabelMe's files. Splits come from the folders that the files lie in.

    Args:
        files: All files of the dataset, images included.
        found: Paths of the XML files. Files of other formats are ignored.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images of each split.
    """
    written = {path: each for path in found if (each := _read_file(path)) is not None}
    paths = list(written)
    split_of = dict(zip(paths, splits_by_folder(paths, files.root), strict=True))
    names = [each.filename for each in written.values()]
    images = pair(Images(files, options.images), paths, names, list(split_of.values()))
    image_of = dict(zip(paths, images, strict=True))
    splits = {}
    for split in dict.fromkeys(split_of.values()):
        members = [path for path in paths if split_of[path] == split]
        splits[split] = _items(members, written, image_of, files.root)
    return Part(
        files.path if files.path.is_file() else files.root,
        splits,
        files=tuple(paths),
        splits_from="" if set(splits) <= {UNSPLIT} else "the names of the folders",
        notes=_notes(list(written.values()), len(found)),
    )


@dataclass(frozen=True)
class _Written:
    """A LabelMe file.

    Attributes:
        filename: Name of the image as written.
        drawn: Objects of the image, or the problem because of which they cannot be read.
        size: Width and height of the image in pixels. None if the file does not give them.
        deleted: Number of objects that the file marks as deleted.
    """

    filename: str
    drawn: tuple[Drawn, ...] | Problem
    size: tuple[int, int] | None = None
    deleted: int = 0


def _read_file(path: Path) -> _Written | None:
    """One file. None if it is XML of another format."""
    parsed = read_xml(path)
    if isinstance(parsed, Problem):
        return _Written("", parsed)
    root = parsed[0]
    if not is_labelme(root):
        return None
    objects = root.findall("object")
    kept = [node for node in objects if text_of(node, "deleted") != "1"]
    return _Written(
        text_of(root, "filename"),
        drawn_or_problem(str(path), lambda: _objects(kept)),
        size_of(text_of(root, "imagesize/ncols"), text_of(root, "imagesize/nrows")),
        len(objects) - len(kept),
    )


def _objects(nodes: Sequence[Any]) -> Iterator[Drawn]:
    for index, node in enumerate(nodes):
        name = class_name(text_of(node, "name"), place(index, len(nodes)))
        attributes = dict(re.findall(r"(\w+)\s*=\s*(\w+)", text_of(node, "attributes")))
        flags = flags_of({"occluded": text_of(node, "occluded")}, attributes)
        if node.find("segm") is not None and node.find("polygon") is None:
            yield Drawn("mask", name, None, flags)
            continue
        points = [(text_of(point, "x"), text_of(point, "y")) for point in node.iterfind("polygon/pt")]
        is_box = text_of(node, "type") == "bounding_box"
        kind = BOX if is_box else _SHAPES.get(len(points), "polygon")
        yield Drawn(kind, name, None if kind in _SHAPES.values() else of_points(points), flags)


def _items(
    paths: Sequence[Path], written: Mapping[Path, _Written], images: Mapping[Path, Path | Problem], root: Path
) -> list[Item]:
    items = []
    for item_id, path in zip(ids_of(paths, root), paths, strict=True):
        image, found = images[path], written[path]
        if isinstance(image, Problem):
            items.append(Item(item_id, path, image))
        elif isinstance(found.drawn, Problem):
            items.append(Item(item_id, image, found.drawn))
        else:
            items.append(Item(item_id, image, annotation_of(str(path), found.drawn, found.size)))
    return items


def _notes(written: Sequence[_Written], found: int) -> tuple[str, ...]:
    notes = list(shape_notes(each.drawn for each in written))
    deleted = sum(each.deleted for each in written)
    if deleted:
        notes.append(
            counted(
                deleted,
                "object is marked as deleted and was left out",
                "objects are marked as deleted and were left out",
            )
        )
    if found > len(written):
        notes.append(
            f"{counted(found - len(written), 'XML file holds', 'XML files hold')} something other than LabelMe's "
            "annotations"
        )
    return tuple(notes)
