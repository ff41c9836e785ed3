"""Verifies the entries of COCO's lists, and finds the file name of an image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multibox.errors import BadInput

LISTS = ("images", "annotations", "categories")

_NAMES = ("file_name", "coco_url", "flickr_url")
"""Fields that name an image, the first that is there. LVIS has addresses alone."""


def verify(path: Path, content: dict[str, Any]) -> None:
    """Verify that a COCO file has its three lists, and that each entry has the ids that connect the lists.

    Args:
        path: Path of the file, for messages.
        content: Content of the file.

    Raises:
        BadInput: A list is missing, or an entry lacks a field or has one of a wrong type.
    """
    for name in LISTS:
        if not isinstance(content.get(name), list):
            raise BadInput(path, f"has no list {name!r}; COCO annotations have images, annotations and categories")
    for name, fields in _FIELDS.items():
        for index, entry in enumerate(content[name]):
            if not isinstance(entry, dict):
                raise BadInput(path, f"{name}[{index}] is {_shown(entry)}; an entry of COCO is an object with fields")
            for field in fields:
                wrong = field.fault(entry)
                if wrong:
                    raise BadInput(path, f"{name}[{index}] {wrong}; correct it")


def id_of(value: float | str) -> int | float | str:
    """Convert an id to an integer if it has an integer value, so that ``"18"`` and ``18.0`` become 18."""
    return int(value) if _is_whole(value) else value


def category_names(path: Path, categories: Sequence[Mapping[str, Any]]) -> dict[int | float | str, str]:
    """The names in the list ``categories`` by their ids.

    Raises:
        BadInput: Two categories of different names have the same id, so the class of an object is ambiguous.
    """
    names: dict[int | float | str, str] = {}
    for category in categories:
        number, name = id_of(category["id"]), str(category["name"])
        if names.setdefault(number, name) != name:
            raise BadInput(path, f"the categories {names[number]!r} and {name!r} both have the id {number}; correct it")
    return names


def image_name(image: dict[str, Any]) -> str:
    """The file name of an entry of the list ``images``, or its URL if it has no file name. Empty if it has neither."""
    return str(next((image[field] for field in _NAMES if image.get(field)), ""))


@dataclass(frozen=True)
class _Field:
    """A field that each entry of a list must have.

    Attributes:
        names: Names of the field. The first that is there counts.
        fits: Function that tells whether a value can be used.
        kind: What a value must be, for messages.
    """

    names: tuple[str, ...]
    fits: Callable[[Any], bool]
    kind: str

    def fault(self, entry: dict[str, Any]) -> str:
        """What is wrong with the field in an entry. Empty if nothing is."""
        value = next((entry[name] for name in self.names if entry.get(name) not in (None, "")), None)
        if value is None:
            return f"has no {self.names[0]}"
        return "" if self.fits(value) else f"has the {self.names[0]} {_shown(value)}, which is not a {self.kind}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else f"{text[:36]} ..."


def _is_id(value: Any) -> bool:
    return isinstance(value, int | float | str)


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().isdecimal()
    return isinstance(value, int | float) and value % 1 == 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


_FIELDS = {
    "images": (_Field(("id",), _is_id, "number or text"), _Field(_NAMES, _is_text, "text")),
    "annotations": (
        _Field(("image_id",), _is_id, "number or text"),
        _Field(("category_id",), _is_id, "number or text"),
    ),
    "categories": (_Field(("id",), _is_whole, "whole number"), _Field(("name",), _is_id, "text")),
}
