"""Objects as the user of an annotation tool drew them: boxes, and other shapes with or without a bounding box."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multibox.annotations.annotation import Annotation
from multibox.annotations.bounds import Bounds
from multibox.annotations.counting import counted
from multibox.annotations.problem import Problem

BOX = "box"
FLAGS = ("difficult", "truncated", "occluded", "crowd")


@dataclass(frozen=True)
class Drawn:
    """An object as the user of an annotation tool drew it.

    Attributes:
        kind: Word for the kind of shape in messages: :data:`BOX`, or another such as ``polygon``.
        name: Name of the class.
        bounds: Corners ``x0, y0, x1, y1`` of the object's bounding box, in pixels or fractions of the image. None for a
            shape without area, which is left out.
        flags: Names of the object's flags, a subset of :data:`FLAGS`.
    """

    kind: str
    name: str
    bounds: Bounds | None
    flags: frozenset[str] = frozenset()


class Damaged(ValueError):  # noqa: N818  It is named after what happened
    """Raised if the description of an image in an annotation file is invalid.

    Args:
        object: The object that is damaged, such as ``object 3 of 4``. Empty for the whole file.
        detail: What is wrong.
    """

    def __init__(self, object: str, detail: str):
        super().__init__(object, detail)
        self.object, self.detail = object, detail


def drawn_or_problem(file: str, parse: Callable[[], Iterable[Drawn]]) -> tuple[Drawn, ...] | Problem:
    """Call a function that reads objects, and return the objects, or the problem that it raised.

    Args:
        file: Path of the annotation file for messages, with the image's name if the file describes several images.
        parse: Function that returns the image's objects, or raises :class:`Damaged` if it cannot read them.
    """
    try:
        return tuple(parse())
    except Damaged as damage:
        return Problem("annotation", file, damage.object, damage.detail)


def entries(value: Any, what: str) -> list[dict[str, Any]]:
    """Verify that a JSON value is a list of objects. A missing value gives an empty list.

    Args:
        value: Value of a JSON field that should be a list of objects. None if the field is missing.
        what: Name of the JSON field, for messages.

    Raises:
        Damaged: The value is not a list, or an entry of the list is not a JSON object.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise Damaged("", f"{what} is no list")
    strange = next((i for i, each in enumerate(value) if not isinstance(each, dict)), None)
    if strange is not None:
        raise Damaged(place(strange, len(value)), f"is not a JSON object with the fields of an entry of {what}")
    return value


def fields(value: Any) -> dict[str, Any]:
    """Return a value if it is a JSON object, else an empty object."""
    return value if isinstance(value, dict) else {}


def class_name(value: Any, where: str) -> str:
    """Convert the name of a class to text.

    Raises:
        Damaged: The value is blank, or neither text nor a whole number.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise Damaged(where, "has no class")
    return value.strip()


def place(index: int, total: int) -> str:
    """Name of an object in messages, by its position in its image, such as ``object 3 of 4``."""
    return f"object {index + 1} of {total}"


def flags_of(*sources: Any) -> frozenset[str]:
    """Find the flags of :data:`FLAGS` that are set in any of several JSON objects."""
    return frozenset(flag for flag in FLAGS for source in sources if is_set(fields(source).get(flag)))


def is_set(value: Any) -> bool:
    """Whether a value sets a flag: the number 1, true, or a text such as ``1`` or ``true``."""
    return value.strip().lower() in ("1", "1.0", "true", "yes") if isinstance(value, str) else value in (True, 1)


def annotation_of(
    file: str, drawn: Sequence[Drawn], size: tuple[int, int] | None = None, *, relative: bool = False
) -> Annotation:
    """Make the annotation of an image from the objects that have a bounding box.

    Args:
        file: Path of the file that holds the annotation.
        drawn: Objects of the image.
        size: Width and height of the image in pixels. None if the file does not give them.
        relative: Whether bounding boxes are fractions of the image's size. Otherwise they are in pixels.
    """
    kept = [each for each in drawn if each.bounds is not None]
    used = [flag for flag in FLAGS if any(flag in each.flags for each in kept)]
    return Annotation(
        file,
        tuple(each.name for each in kept),
        np.array([each.bounds for each in kept], np.float64).reshape(-1, 4),
        relative=relative,
        size=size,
        columns={flag: [flag in each.flags for each in kept] for flag in used},
    )


def shape_notes(drawn: Iterable[tuple[Drawn, ...] | Problem]) -> tuple[str, ...]:
    """Describe what was done with shapes that are not boxes, one sentence each.

    Args:
        drawn: Objects of each image.
    """
    bounded: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for each in (each for found in drawn if not isinstance(found, Problem) for each in found):
        (left_out if each.bounds is None else bounded)[each.kind] += 1
    del bounded[BOX]
    notes = []
    if bounded:
        notes.append(f"{_counted(bounded)}: their bounding boxes were used")
    if left_out:
        notes.append(f"{_counted(left_out)} left out, because they have no box")
    return tuple(notes)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(counted(count, kind) for kind, count in counts.most_common())
