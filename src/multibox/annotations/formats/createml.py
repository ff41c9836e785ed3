"""CreateML JSON: a list of images, each with its objects by centre and size in pixels."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from multibox.annotations.annotation import Options, Part
from multibox.annotations.bounds import Bounds, number
from multibox.annotations.described import Described, described, part_of
from multibox.annotations.drawn import BOX, Drawn, class_name, entries, fields, place
from multibox.annotations.files import Files

NAME = "createml"
TITLE = "CreateML JSON"

_NAMES = ("image", "imagefilename")
_LISTS = ("annotations", "annotation")


def find(files: Files) -> list[Path]:
    """Find the JSON files that hold a list of images with ``annotations``."""
    return files.json_where(is_its)


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read CreateML files.

    Args:
        files: All files of the dataset, images included.
        found: Paths of the CreateML files. The name of each file or of its folder gives its split.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images by split, in the order of the files.
    """
    return part_of(files, options, [_image(path, each) for path in found for each in files.json(path)])


def is_its(content: Any) -> bool:
    """Whether a JSON file is CreateML's: a list whose entries have the fields of an image.

    Damaged entries are allowed.
    """
    return isinstance(content, list) and sum(map(_is_image, content)) * 2 > len(content)


def _is_image(entry: Any) -> bool:
    has = fields(entry)
    return any(isinstance(has.get(name), str) for name in _NAMES) and any(name in has for name in _LISTS)


def _image(path: Path, entry: Any) -> Described:
    has = fields(entry)
    return described(path, _first(has, _NAMES), partial(_objects, _first(has, _LISTS)))


def _first(has: dict[str, Any], names: tuple[str, ...]) -> Any:
    """The value of the first of several keys that a JSON object has."""
    return next((has[name] for name in names if name in has), None)


def _objects(annotations: Any) -> Iterator[Drawn]:
    listed = entries(annotations, "annotations")
    for index, each in enumerate(listed):
        name = class_name(each.get("label"), place(index, len(listed)))
        yield Drawn(BOX, name, _bounds(fields(each.get("coordinates"))))


def _bounds(centred: dict[str, Any]) -> Bounds:
    x, y, width, height = (number(centred.get(name)) for name in ("x", "y", "width", "height"))
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
