"""Caffe's weight files, ``.caffemodel``: a protobuf message, read without Caffe and without protobuf.

A message is a row of fields, each a key (its number and how it is written) and a value: a varint, 4 or 8 bytes, or a
count and as many bytes, which may be a message again (protobuf's "Encoding"). Of Caffe's ``NetParameter`` only these
fields matter: its layers, their names, their blobs, and what ``PriorBox`` layers were given.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LAYER = {"field": 100, "name": 1, "blobs": 7}
_LAYER_V1 = {"field": 2, "name": 4, "blobs": 6}
"""Of files from before 2014, with a message of another kind for layers."""
_LEGACY_SHAPE = (1, 2, 3, 4)
_FLOATS, _SHAPE, _DOUBLES = 5, 7, 8
_PRIOR_BOX = 203
_PRIOR_BOX_FIELDS = {
    1: "min_size",
    2: "max_size",
    3: "aspect_ratio",
    5: "clip",
    6: "variance",
    10: "step",
    11: "step_h",
    12: "step_w",
    13: "offset",
}

Value = Any  # a number, or the bytes of anything else
Fields = Iterator[tuple[int, int, Value]]


def read_caffemodel(path: str | Path) -> dict[str, np.ndarray]:
    """Read the blobs of a network.

    Args:
        path: a ``.caffemodel`` file.

    Returns:
        ``LAYER/0``, ``LAYER/1`` and so on to float32 arrays; kernels are (out, in, y, x). Of a ``PriorBox`` layer,
        ``LAYER/min_size`` and so on to vectors.

    Raises:
        BadInput: no such file, not one of Caffe's, or damaged.
    """
    try:
        data = memoryview(Path(path).read_bytes())
        blobs = dict(_blobs(data))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, IndexError, TypeError, MemoryError) as error:
        raise BadInput(f"{path}: not a .caffemodel file, or damaged: {error}") from None
    if not blobs:
        raise BadInput(f"{path}: not a .caffemodel file: it has no layer with weights")
    return blobs


def _blobs(net: memoryview) -> Iterator[tuple[str, np.ndarray]]:
    for number, wire, value in _fields(net):
        for kind in (_LAYER, _LAYER_V1):
            if (number, wire) == (kind["field"], _BYTES):
                name, found = _layer(value, kind)
                yield from ((f"{name}/{key}", array) for key, array in found.items())


def _layer(message: Value, kind: dict[str, int]) -> tuple[str, dict[str, np.ndarray]]:
    name, blobs, priors = "", [], {}
    for number, wire, value in _fields(message):
        if (number, wire) == (kind["name"], _BYTES):
            name = bytes(value).decode()
        elif (number, wire) == (kind["blobs"], _BYTES):
            blobs.append(_blob(value))
        elif (number, wire) == (_PRIOR_BOX, _BYTES):
            priors = _prior_box(value)
    return name, {str(i): blob for i, blob in enumerate(blobs)} | priors


def _prior_box(message: Value) -> dict[str, np.ndarray]:
    """The numbers of each field: single, one after the other, or packed."""
    found: dict[str, list[float]] = {}
    for number, wire, value in _fields(message):
        if number in _PRIOR_BOX_FIELDS:
            numbers = [value] if wire == _VARINT else np.frombuffer(value, "<f4").tolist()
            found.setdefault(_PRIOR_BOX_FIELDS[number], []).extend(numbers)
    return {name: np.array(numbers, np.float32) for name, numbers in found.items()}


def _blob(message: Value) -> np.ndarray:
    legacy, shape = [1, 1, 1, 1], None
    numbers: list[np.ndarray] = [np.empty(0, "<f4")]
    for number, wire, value in _fields(message):
        if number in _LEGACY_SHAPE and wire == _VARINT:
            legacy[number - 1] = value
        elif (number, wire) == (_SHAPE, _BYTES):
            shape = _dimensions(value)
        elif number in (_FLOATS, _DOUBLES) and wire in (_BYTES, _FIXED32, _FIXED64):  # packed, or one by one
            numbers.append(np.frombuffer(value, "<f4" if number == _FLOATS else "<f8"))
    array = np.concatenate(numbers).astype(np.float32)
    return array.reshape(_without_leading_ones(legacy) if shape is None else shape)


def _without_leading_ones(shape: list[int]) -> list[int]:
    """A vector of old files is (1, 1, 1, n)."""
    return shape[3:] if shape[:3] == [1, 1, 1] else shape


def _dimensions(message: Value) -> list[int]:
    sizes: list[int] = []
    for number, wire, value in _fields(message):
        if number == 1 and wire == _VARINT:
            sizes.append(value)
        elif number == 1 and wire == _BYTES:
            place = 0
            while place < len(value):
                size, place = _varint(value, place)
                sizes.append(size)
    return sizes


def _fields(message: Value) -> Fields:
    """The fields of a message: number, how it is written, value."""
    if isinstance(message, int):
        raise ValueError("a number where a message belongs")
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, place = _varint(message, place)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"a field of kind {wire}, which Caffe does not write")
        if place + size > len(message):
            raise ValueError("it ends in the middle of a field")
        yield number, wire, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """The whole number that begins at ``place``, seven bits a byte, and the place after it."""
    number = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ValueError("it ends in the middle of a number")
        byte = message[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
    raise ValueError("a number of more than 64 bits")
