"""Caffe's weight files, ``.caffemodel``: a Protocol Buffers message, read without Caffe.

Of Caffe's ``NetParameter``, this module reads the layers' names, their blobs, and the parameters of ``PriorBox``
layers. :mod:`multibox.importers.caffe_net` reads what the layers compute.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from multibox.errors import BadInput
from multibox.importers.caffe_message import BEGINNING, is_text
from multibox.importers.caffe_net import Net, binary_net, text_net
from multibox.importers.peer import Tensors
from multibox.protobuf_wire import BYTES, FIXED32, FIXED64, VARINT, open_message, read_fields, read_varint

_LAYER = {"field": 100, "name": 1, "blobs": 7}
_LAYER_V1 = {"field": 2, "name": 4, "blobs": 6}
"""Numbers of the fields in files from before 2014, whose layers are messages of another kind."""
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


class CaffeFile(Tensors):
    """The blobs of a network by name, and its layers.

    Attributes:
        net: Layers of the network, from the file or from a text file that replaces them.
        own: Layers in the file of weights itself. They differ from ``net`` if that is from a text file.
    """

    net: Net
    own: Net


def read_caffemodel(path: str | Path, net: str | Path | None = None) -> CaffeFile:
    """Read the blobs and the layers of a network.

    Args:
        path: Path of a ``.caffemodel`` file.
        net: Path of a text file, ``.prototxt``, whose layers replace those of the file. None keeps them.

    Returns:
        Dict from ``LAYER/0``, ``LAYER/1`` and so on to float32 arrays, with the layers. Kernels have the axes (out, in,
        y, x). Parameters of a ``PriorBox`` layer are vectors under names such as ``LAYER/min_size``.

    Raises:
        BadInput: The file does not exist, is not one of Caffe's, or is damaged.
    """
    try:
        message = open_message(path)
        if is_text(bytes(message[:BEGINNING])):
            raise BadInput(
                path,
                "is a text file, not a .caffemodel file; give the .caffemodel file here, and set net to the "
                ".prototxt file",
            )
        blobs = CaffeFile(_blobs(message))
        blobs.own = binary_net(message)
        blobs.net = blobs.own if net is None else text_net(net)
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(path, f"cannot be read: {error.strerror}") from None
    except (ValueError, IndexError, TypeError, MemoryError) as error:
        raise BadInput(path, f"not a .caffemodel file, or damaged: {error}") from None
    if not blobs:
        raise BadInput(path, "not a .caffemodel file: it has no layer with weights")
    return blobs


def _blobs(net: memoryview) -> Iterator[tuple[str, np.ndarray]]:
    for field in read_fields(net):
        for layout in (_LAYER, _LAYER_V1):
            if (field.number, field.kind) == (layout["field"], BYTES):
                name, found = _layer(field.data, layout)
                yield from ((f"{name}/{key}", array) for key, array in found.items())


def _layer(message: memoryview, layout: dict[str, int]) -> tuple[str, dict[str, np.ndarray]]:
    name, blobs, priors = "", [], {}
    for field in read_fields(message):
        if field.kind != BYTES:
            continue
        if field.number == layout["name"]:
            name = bytes(field.data).decode()
        elif field.number == layout["blobs"]:
            blobs.append(_blob(field.data))
        elif field.number == _PRIOR_BOX:
            priors = _prior_box(field.data)
    return name, {str(i): blob for i, blob in enumerate(blobs)} | priors


def _prior_box(message: memoryview) -> dict[str, np.ndarray]:
    """Numbers of each field of a ``PriorBox`` layer, whether the field is single, repeated or packed."""
    found: dict[str, list[float]] = {}
    for field in read_fields(message):
        if field.number in _PRIOR_BOX_FIELDS:
            numbers = [field.value] if field.kind == VARINT else np.frombuffer(field.data, "<f4").tolist()
            found.setdefault(_PRIOR_BOX_FIELDS[field.number], []).extend(numbers)
    return {name: np.array(numbers, np.float32) for name, numbers in found.items()}


def _blob(message: memoryview) -> np.ndarray:
    legacy, shape = [1, 1, 1, 1], None
    numbers: list[np.ndarray] = [np.empty(0, "<f4")]
    for field in read_fields(message):
        if field.number in _LEGACY_SHAPE and field.kind == VARINT:
            legacy[field.number - 1] = field.value
        elif (field.number, field.kind) == (_SHAPE, BYTES):
            shape = _dimensions(field.data)
        elif field.number in (_FLOATS, _DOUBLES) and field.kind in (BYTES, FIXED32, FIXED64):  # packed, or one by one
            numbers.append(np.frombuffer(field.data, "<f4" if field.number == _FLOATS else "<f8"))
    array = np.concatenate(numbers).astype(np.float32, copy=False)
    return array.reshape(_without_leading_ones(legacy) if shape is None else shape)


def _without_leading_ones(shape: list[int]) -> list[int]:
    """Shape of a blob without leading axes of length 1: old files store a vector as (1, 1, 1, n)."""
    return shape[3:] if shape[:3] == [1, 1, 1] else shape


def _dimensions(message: memoryview) -> list[int]:
    """Lengths of a blob's axes, whether the field is repeated or packed."""
    sizes: list[int] = []
    for field in read_fields(message):
        if (field.number, field.kind) == (1, VARINT):
            sizes.append(field.value)
        elif (field.number, field.kind) == (1, BYTES):
            place = 0
            while place < len(field.data):
                size, place = read_varint(field.data, place)
                sizes.append(size)
    return sizes
