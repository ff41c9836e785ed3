"""Reads an image's size, name and objects from a record of the TensorFlow Object Detection API.

Masks and further features of a record are not read.
"""

from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multibox.annotations.bounds import size_of
from multibox.annotations.formats.tfrecord_example import Values

IMAGE = "image/encoded"
OBJECT = "image/object/"
EDGES = ("xmin", "ymin", "xmax", "ymax")
TEXT, LABEL = f"{OBJECT}class/text", f"{OBJECT}class/label"
_COLUMNS = {"difficult": "difficult", "truncated": "truncated", "occluded": "occluded", "area": "area"}
_COLUMNS |= {"is_crowd": "crowd", "group_of": "crowd"}
"""Features of objects, and our names of their columns."""

Features = Mapping[str, Values]


@dataclass(frozen=True)
class Described:
    """An image as a record describes it: name, size and objects.

    Attributes:
        name: File name of the image, else its id. Empty if there is neither.
        texts: Class name of each of the N objects. None for an object whose class has no name in the record.
        numbers: Class number of each of the N objects. None for an object whose class has no number in the record.
        boxes: ``(N, 4)`` float64 corners ``x0, y0, x1, y1`` as fractions of the image.
        size: Width and height of the image in pixels. None if the record does not give them.
        columns: Lists of N further values of the objects, by name, such as ``crowd``.
        extra: File name and id of the image. Empty if the record gives neither.
    """

    name: str
    texts: tuple[str | None, ...] = ()
    numbers: tuple[int | None, ...] = ()
    boxes: np.ndarray = field(default_factory=lambda: np.empty((0, 4)))
    size: tuple[int, int] | None = None
    columns: dict[str, list[Any]] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


def name_of(features: Features) -> str:
    """The file name of an image, or its id if there is no file name. Empty if there is neither."""
    return _text(features, "image/filename") or _text(features, "image/source_id")


def describe(features: Features) -> Described:
    """Read the name, size and objects of a record's image.

    Args:
        features: Features of the record, by name.

    Returns:
        Objects, name and size of the image, unverified.

    Raises:
        ValueError: The record has no image, a feature has the wrong type, or the lists of the objects' values differ in
            length.
    """
    if not any(map(len, _bytes(features, IMAGE))):
        raise ValueError(f"has no {IMAGE}")
    edges = {f"bbox/{name}": _numbers(features, f"{OBJECT}bbox/{name}") for name in EDGES}
    texts = [_decoded(value) or None for value in _bytes(features, TEXT)]
    numbers = _whole(features, LABEL)
    flags = {name: values for name in _COLUMNS if len(values := _numbers(features, f"{OBJECT}{name}"))}
    count = len(edges["bbox/xmin"])
    _verify_lengths(count, {**edges, **flags, "class/text": texts, "class/label": numbers})
    if count and not texts and not numbers:
        raise ValueError(f"has boxes, but neither {TEXT} nor {LABEL}")
    return Described(
        name_of(features),
        tuple(texts) or (None,) * count,
        tuple(numbers) or (None,) * count,
        np.stack(list(edges.values()), axis=1),
        _size(features),
        {_COLUMNS[name]: [*values] if name == "area" else [*(values != 0)] for name, values in flags.items()},
        {key: text for key in ("filename", "source_id") if (text := _text(features, f"image/{key}"))},
    )


def _verify_lengths(count: int, lists: Mapping[str, Sized]) -> None:
    """Refuse lists of objects of different lengths. Only boxes may not be missing."""
    for name, values in lists.items():
        if len(values) != count and (len(values) or name.startswith("bbox/")):
            raise ValueError(f"{OBJECT}{name} has {len(values)} values, and {OBJECT}bbox/xmin has {count}")


def image_of(features: Features) -> bytes:
    """The bytes of a record's image. Empty if the record has no image.

    Raises:
        ValueError: The feature ``image/encoded`` holds numbers instead of bytes.
    """
    values = _bytes(features, IMAGE)
    return bytes(values[0]) if values else b""


def _size(features: Features) -> tuple[int, int] | None:
    width, height = (_numbers(features, f"image/{name}") for name in ("width", "height"))
    return size_of(width[0], height[0]) if len(width) and len(height) else None


def _bytes(features: Features, name: str) -> list[memoryview]:
    values = features.get(name, [])
    if isinstance(values, list) or not len(values):
        return list(values)
    raise ValueError(f"{name} holds numbers, not bytes")


def _numbers(features: Features, name: str) -> np.ndarray:
    values = features.get(name, [])
    if isinstance(values, list) and values:
        raise ValueError(f"{name} holds bytes, not numbers")
    return np.asarray(values, np.float64)


def _whole(features: Features, name: str) -> list[int]:
    values = _numbers(features, name)
    if not (np.isfinite(values) & (values == np.round(values))).all():
        raise ValueError(f"{name} holds decimals, not whole numbers")
    return [int(value) for value in values]


def _text(features: Features, name: str) -> str:
    values = features.get(name, [])
    first = values[0] if len(values) else b""
    return _decoded(first) if isinstance(first, memoryview) else str(first or "")


def _decoded(value: memoryview) -> str:
    """Text that may have bytes other than UTF-8, which are refused when it is used."""
    return bytes(value).decode(errors="surrogateescape").strip()
