"""Reads the regions of a Label Studio annotation, whose positions and sizes are percentages of the image."""

from collections.abc import Iterator, Mapping, Sequence
from math import radians
from typing import Any

from multibox.annotations.bounds import Bounds, number, of_box, of_ellipse, of_points, of_turned_box, size_of
from multibox.annotations.drawn import BOX, Damaged, Drawn, class_name, fields, place

_GEOMETRY = ("x", "points", "rle", "vertices", "format")
"""Fields of which a region has one. Results without are choices, texts and ratings of the image."""


def size_in(regions: Sequence[Mapping[str, Any]]) -> tuple[int, int] | None:
    """Width and height of the image in pixels, as its regions give them. None if no region gives them."""
    sizes = (size_of(each.get("original_width"), each.get("original_height")) for each in regions)
    return next((size for size in sizes if size), None)


def several_labels(region: Mapping[str, Any]) -> bool:
    """Whether a region has several labels."""
    return len(_labels(fields(region.get("value")))) > 1


def objects_of(regions: Sequence[Mapping[str, Any]]) -> Iterator[Drawn]:
    """Convert the regions of an annotation to objects, with boxes as fractions of the image.

    If a region has several labels, the first is the class. A result without a label that belongs to a labelled region,
    such as a transcription, is ignored.

    Raises:
        Damaged: A region has no label, or was drawn on an image that was rotated in Label Studio.
    """
    drawn = [each for each in regions if isinstance(each.get("value"), dict) and _has_place(each["value"])]
    labelled = {_key(each) for each in drawn if _labels(each["value"])}
    size = size_in(regions) or (1, 1)
    for index, each in enumerate(drawn):
        labels = _labels(each["value"])
        if not labels and _key(each) in labelled:
            continue
        where = place(index, len(drawn))
        if number(each.get("image_rotation") or 0) % 360:
            raise Damaged(
                where, "was drawn on an image rotated in Label Studio; rotate the image file, and draw the region again"
            )
        kind, bounds = _shape(each["value"], size)
        yield Drawn(kind, class_name(labels[0] if labels else None, where), bounds)


def _labels(value: Mapping[str, Any]) -> list[Any]:
    """The labels of a region: the list whose name ends in ``labels``, such as ``rectanglelabels``."""
    return next((found for name, found in value.items() if name.endswith("labels") and isinstance(found, list)), [])


def _has_place(value: Mapping[str, Any]) -> bool:
    return any(name in value for name in _GEOMETRY)


def _key(region: Mapping[str, Any]) -> str:
    """What the results of one region have in common: its id, else its place."""
    return str(region.get("id") or [region["value"].get(name) for name in (*_GEOMETRY, "y", "width", "height")])


def _shape(value: Mapping[str, Any], size: tuple[int, int]) -> tuple[str, Bounds | None]:
    """The word for a region's shape, and its bounds as fractions. None if it has no area."""
    turn = number(value.get("rotation") or 0)
    if "rle" in value or value.get("format") == "rle":
        return "brush stroke", None
    if "points" in value:
        return "polygon", _fractions(of_points(value["points"]), (100, 100))
    if "radiusX" in value:
        x, y, across, down = _pixels(value, ("x", "y", "radiusX", "radiusY"), size)
        return "ellipse", _fractions(of_ellipse(x, y, across, down, radians(turn)), size)
    if "height" in value:
        x, y, width, height = _pixels(value, ("x", "y", "width", "height"), size)
        if turn % 360 == 0:
            return BOX, _fractions(of_box(x, y, width, height), size)
        return "rotated box", _fractions(of_turned_box(x, y, width, height, turn), size)
    return ("line", None) if "vertices" in value else ("point", None)


def _pixels(value: Mapping[str, Any], names: tuple[str, ...], size: tuple[int, int]) -> list[float]:
    """Percentages as pixels, in which a turn keeps right angles."""
    return [number(value.get(name)) / 100 * size[index % 2] for index, name in enumerate(names)]


def _fractions(bounds: Bounds, size: tuple[int, int]) -> Bounds:
    x0, y0, x1, y1 = bounds
    return x0 / size[0], y0 / size[1], x1 / size[0], y1 / size[1]
