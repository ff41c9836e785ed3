"""VGG Image Annotator (VIA), versions 1 and 2: saved projects, and annotations exported as JSON or CSV."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from multibox.annotations.annotation import Options, Part
from multibox.annotations.bounds import NOWHERE, Bounds, number, of_box, of_ellipse, of_points
from multibox.annotations.csv_json import content_of, tables_with
from multibox.annotations.described import Described, described, part_of
from multibox.annotations.drawn import BOX, Drawn, entries, fields, flags_of, place
from multibox.annotations.files import Files
from multibox.annotations.formats.via_classes import ClassAttribute, class_attribute

NAME = "via"
TITLE = "VIA JSON or CSV"

_COLUMNS = ("filename", "region_shape_attributes", "region_attributes")

_WORDS = {"rect": BOX, "polyline": "line"}
"""The word in messages for a shape whose name in the file is another."""


def find(files: Files) -> list[Path]:
    """Find VIA's CSV tables and JSON files.

    A JSON file is VIA's if it is a project of VIA 2, or lists images with ``filename`` and ``regions``.
    """
    return [*files.json_where(is_its), *tables_with(files, _COLUMNS)]


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read VIA files.

    Args:
        files: All files of the dataset, images included.
        found: Paths of the VIA files. The name of each file or of its folder gives its split.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images by split, in the order of the files, and the classes in the order of the options of the
        attribute that holds the class.
    """
    contents = [content_of(files, path, _images) for path in found]
    images = [(path, each) for path, content in zip(found, contents, strict=True) for each in _listed(content).values()]
    declared = [fields(fields(each.get("_via_attributes")).get("region")) for each in contents]
    regions = [fields(region) for _, image in images for region in _regions_or_none(image)]
    attribute = class_attribute([fields(each.get("region_attributes")) for each in regions], declared, options.classes)
    return part_of(
        files,
        options,
        [_image(path, image, attribute) for path, image in images],
        classes=attribute.classes,
        classes_from=f"the options of the attribute {attribute.name!r}",
        notes=attribute.notes,
    )


def _images(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The images of a table, whose rows are regions. A row of an image without regions has an empty shape."""
    images: dict[str, Any] = {}
    for row in rows:
        image = images.setdefault(str(row["filename"]), {"filename": row["filename"], "regions": []})
        if row.get("region_shape_attributes"):
            image["regions"].append(row | {"shape_attributes": row["region_shape_attributes"]})
    return images


def is_its(content: Any) -> bool:
    """Whether a JSON file is VIA's: a project, or a map most of whose entries are images with regions."""
    listed = list(_listed(fields(content)).values())
    return bool(listed) and sum(map(_is_image, listed)) * 2 > len(listed)


def _listed(content: dict[str, Any]) -> dict[str, Any]:
    """The images of a project or of an export, by VIA's key."""
    return fields(content["_via_img_metadata"]) if "_via_img_metadata" in content else content


def _is_image(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("filename"), str) and "regions" in entry


def _regions_or_none(image: Any) -> Sequence[Any]:
    """The regions of an image, numbered in VIA 1 and listed in VIA 2. Empty if they are neither."""
    regions = fields(image).get("regions")
    found = list(regions.values()) if isinstance(regions, dict) else regions
    return found if isinstance(found, list) else []


def _image(path: Path, image: Any, attribute: ClassAttribute) -> Described:
    return described(path, fields(image).get("filename"), partial(_objects, fields(image).get("regions"), attribute))


def _objects(regions: Any, attribute: ClassAttribute) -> Iterator[Drawn]:
    listed = entries(list(regions.values()) if isinstance(regions, dict) else regions, "regions")
    for index, region in enumerate(listed):
        shape, attributes = fields(region.get("shape_attributes")), fields(region.get("region_attributes"))
        kind = str(shape.get("name"))
        name = attribute.of(attributes, place(index, len(listed)))
        yield Drawn(_WORDS.get(kind, kind), name, _bounds(kind, shape), flags_of(attributes))


def _bounds(kind: str, shape: dict[str, Any]) -> Bounds | None:
    """The bounds of a region. None if it has no area."""
    if kind == "rect":
        return of_box(*(shape.get(name) for name in ("x", "y", "width", "height")))
    if kind == "circle":
        return of_ellipse(shape.get("cx"), shape.get("cy"), shape.get("r"), shape.get("r"))
    if kind == "ellipse":
        radii = shape.get("rx"), shape.get("ry")
        return of_ellipse(shape.get("cx"), shape.get("cy"), *radii, turn=number(shape.get("theta", 0)))
    if kind == "polygon":
        x, y = shape.get("all_points_x"), shape.get("all_points_y")
        if not isinstance(x, list) or not isinstance(y, list) or len(x) != len(y):
            return NOWHERE
        return of_points(list(zip(x, y, strict=True)))
    return None
