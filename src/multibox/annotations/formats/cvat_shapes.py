"""Reads the shapes that CVAT's XML gives for an image or a video frame."""

from collections.abc import Iterator, Sequence
from math import cos, isfinite, radians, sin
from typing import Any

from multibox.annotations.bounds import NOWHERE, Bounds, number, of_box, of_ellipse, of_points
from multibox.annotations.drawn import BOX, Drawn, class_name, flags_of, place
from multibox.annotations.xml_files import text_of

_NO_BOX = {"points": "point set", "polyline": "line", "skeleton": "skeleton", "tag": "tag"}
"""The word in messages for each element without box."""

_CUBOID = [(f"x{edge}{face}", f"y{edge}{face}") for edge in ("tl", "bl", "tr", "br") for face in "12"]


def drawn(shapes: Sequence[tuple[Any, str | None]]) -> Iterator[Drawn]:
    """Convert the shapes of an image to objects.

    Args:
        shapes: XML element and label of each shape.

    Raises:
        Damaged: A shape has no label.
    """
    for index, (node, label) in enumerate(shapes):
        name = class_name(label, place(index, len(shapes)))
        attributes = {(each.get("name") or "").lower(): (each.text or "") for each in node.iterchildren("attribute")}
        crowd = attributes.get("is_crowd", attributes.get("iscrowd"))
        flags = flags_of({"occluded": node.get("occluded"), "crowd": crowd}, attributes)
        kind, bounds = _bounds(node)
        yield Drawn(kind, name, bounds, flags)


def subset_of(root: Any, node: Any) -> str:
    """The subset of an image or a track: its own, else its task's. CVAT writes ``default`` for no subset."""
    subset = node.get("subset") or text_of(root, "meta/task/subset")
    return "" if subset.lower() == "default" else subset


def is_shape(node: Any) -> bool:
    """Whether an XML element is a shape. Unknown kinds of shapes are recognised by a label or a frame number."""
    return isinstance(node.tag, str) and (
        node.tag in _NO_BOX or node.tag in _READERS or node.get("label") is not None or node.get("frame") is not None
    )


def _bounds(node: Any) -> tuple[str, Bounds | None]:
    """The word for a shape in messages, and its bounds."""
    if node.tag not in _READERS:
        return _NO_BOX.get(node.tag, node.tag), None
    return _READERS[node.tag](node)


def _numbers(node: Any, *names: str) -> list[float]:
    return [number(node.get(name)) for name in names]


def _box(node: Any) -> tuple[str, Bounds]:
    x0, y0, x1, y1 = _numbers(node, "xtl", "ytl", "xbr", "ybr")
    turn = number(node.get("rotation") or 0)
    if turn == 0:
        return BOX, (x0, y0, x1, y1)
    return "rotated box", _turned((x0, y0, x1, y1), turn)


def _turned(box: Bounds, degrees: float) -> Bounds:
    """The bounds of a box that is turned about its centre, in either direction."""
    if not isfinite(degrees):
        return NOWHERE
    x0, y0, x1, y1 = box
    along, across = abs(cos(radians(degrees))), abs(sin(radians(degrees)))
    width = (x1 - x0) * along + (y1 - y0) * across
    height = (x1 - x0) * across + (y1 - y0) * along
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _polygon(node: Any) -> tuple[str, Bounds]:
    return "polygon", of_points([point.split(",") for point in (node.get("points") or "").split(";")])


def _ellipse(node: Any) -> tuple[str, Bounds]:
    x, y, across, down = _numbers(node, "cx", "cy", "rx", "ry")
    return "ellipse", of_ellipse(x, y, across, down, radians(number(node.get("rotation") or 0)))


def _mask(node: Any) -> tuple[str, Bounds]:
    return "mask", of_box(*_numbers(node, "left", "top", "width", "height"))


def _cuboid(node: Any) -> tuple[str, Bounds]:
    return "cuboid", of_points([_numbers(node, *names) for names in _CUBOID])


_READERS = {"box": _box, "polygon": _polygon, "ellipse": _ellipse, "mask": _mask, "cuboid": _cuboid}
"""What reads each element that has bounds."""
