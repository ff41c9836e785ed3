"""What an ONNX file says about itself, read without ONNX or a runtime.

An ONNX file is one protocol-buffers message, ``ModelProto`` of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto:
fields one after the other, each a number, a kind and a value. The network itself is one of them, and is skipped.
"""

import io
from pathlib import Path
from typing import BinaryIO

from multibox.errors import BadInput
from multibox.models.schema import MEMBER, Schema, parse_schema

PARAMETERS = "multibox.parameters"
"""The key in an ONNX file's metadata under which the number of the network's parameters is."""

_METADATA_PROPS = 14
_VARINT, _BYTES = 0, 2
_LENGTHS = {1: 8, 5: 4}
"""Of the kinds of values that are always as long, bytes."""


def read_onnx_schema(path: str | Path) -> Schema:
    """Read the schema of an ONNX file that ``multibox export`` wrote.

    Raises:
        BadInput: no such file, or not one of Multibox.
    """
    metadata = read_metadata(path)
    if MEMBER not in metadata:
        raise BadInput(f"{path}: has no {MEMBER} in its metadata; write it with 'multibox export MODEL'")
    return parse_schema(metadata[MEMBER], str(path))


def read_metadata(path: str | Path) -> dict[str, str]:
    """Read the ``metadata_props`` of an ONNX file.

    Args:
        path: of the file.

    Returns:
        the values by their keys.

    Raises:
        BadInput: it cannot be read, or is not an ONNX file.
    """
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            entries = _fields(file, size, _METADATA_PROPS)
            return {key.decode(): value.decode() for key, value in map(_entry, entries)}
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise BadInput(f"{path}: not an ONNX model, or damaged; export the model again") from None


def _entry(encoded: bytes) -> tuple[bytes, bytes]:
    """The key, field 1, and the value, field 2, of a ``StringStringEntryProto``."""
    file = io.BytesIO(encoded)
    (key,) = _fields(file, len(encoded), 1)
    file.seek(0)
    return key, b"".join(_fields(file, len(encoded), 2))


def _fields(file: BinaryIO, size: int, wanted: int) -> list[bytes]:
    """The values of the fields of one number, of a message that goes from here to ``size``."""
    found = []
    while file.tell() < size:
        number, kind = divmod(_varint(file), 8)
        if kind == _VARINT:
            _varint(file)
            continue
        length = _varint(file) if kind == _BYTES else _LENGTHS.get(kind, size)
        if number == 0 or file.tell() + length > size:
            raise ValueError("not a message of protocol buffers")
        if number == wanted:
            found.append(file.read(length))
        else:
            file.seek(length, 1)
    return found


def _varint(file: BinaryIO) -> int:
    """A number, seven bits a byte, the lowest first; the last byte is below 128."""
    value = shift = 0
    while True:
        (byte,) = file.read(1) or [None]
        if byte is None or shift > 63:
            raise ValueError("not a number of protocol buffers")
        value |= (byte & 127) << shift
        if byte < 128:
            return value
        shift += 7
