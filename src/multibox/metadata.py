"""Reads and replaces the metadata of an ONNX file without the package onnx, a runtime, or reading the network.

An ONNX file is one Protocol Buffers message, ``ModelProto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
The network is one of its fields and is skipped.
"""

from pathlib import Path

from multibox.errors import BadInput
from multibox.protobuf_wire import BYTES, Field, encode_bytes, open_message, read_fields

_METADATA_PROPS = 14
"""Number of the field ``metadata_props`` of ``ModelProto``. The field holds one key and one value, and is repeated for
each pair."""

_KEY, _VALUE = 1, 2
"""Numbers of the fields ``key`` and ``value`` of ``StringStringEntryProto``."""


def read_metadata(path: str | Path) -> dict[str, str]:
    """Read the metadata of an ONNX file.

    Args:
        path: Path of the ONNX file.

    Returns:
        The metadata: a dict from keys to values.

    Raises:
        BadInput: The file cannot be read, or is not an ONNX file.
    """
    try:
        pairs = [_pair(field) for field in read_fields(open_message(path)) if _is_metadata(field)]
        return {key.decode(): value.decode() for key, value in pairs}
    except OSError as error:
        raise BadInput(path, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise BadInput(path, "not an ONNX model, or damaged; export the model again") from None


def copy_with_metadata(path: str | Path, out: str | Path, key: str, value: str) -> None:
    """Copy an ONNX file, and replace one entry of its metadata. Every other field is copied byte by byte.

    Args:
        path: Path of a file that :func:`read_metadata` can read.
        out: Path of the copy, which must differ from ``path``.
        key: Key whose value is replaced. The entry is added if the file has no such key.
        value: New value of the key. The entry becomes the last field of the file.
    """
    with open(out, "wb") as file:
        for field in read_fields(open_message(path)):
            if not _is_metadata(field) or _pair(field)[0] != key.encode():
                file.write(field.encoded)
        pair = encode_bytes(_KEY, key.encode()) + encode_bytes(_VALUE, value.encode())
        file.write(encode_bytes(_METADATA_PROPS, pair))


def _is_metadata(field: Field) -> bool:
    return (field.number, field.kind) == (_METADATA_PROPS, BYTES)


def _pair(entry: Field) -> tuple[bytes, bytes]:
    """The key and the value of one entry of the metadata, which must have exactly one key."""
    parts = [(field.number, bytes(field.data)) for field in read_fields(entry.data) if field.kind == BYTES]
    (key,) = (data for number, data in parts if number == _KEY)
    return key, b"".join(data for number, data in parts if number == _VALUE)
