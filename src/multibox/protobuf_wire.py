"""Parses Protocol Buffers' wire format: the fields of a message, without its schema and without copying.

A message is a sequence of fields. Each is a key (the field's number and the kind of its value), then the value: a
varint, 4 or 8 bytes, or a length and that many bytes, which may themselves be a message
(https://protobuf.dev/programming-guides/encoding). Fields are slices of the file, so that skipping one costs nothing
and a weight of 100 MB is not copied.
"""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Numbers of the kinds of values on the wire. Kinds 3 and 4 (deprecated groups) are refused."""

_FIXED_LENGTHS = {FIXED64: 8, FIXED32: 4}

_NUMBERS = 1 << 29
"""Bound of the numbers of fields: they are at least 1 and less than this."""

_VARINT_BYTES = 10
"""Largest number of bytes of a varint: 64 bits, 7 in each byte."""


class Field(NamedTuple):
    """A field of a message.

    Attributes:
        number: Number of the field in the schema of its message.
        kind: Kind of the field's value, one of :data:`VARINT`, :data:`FIXED64`, :data:`BYTES` and :data:`FIXED32`.
        value: Value of a field of kind :data:`VARINT`. It is 0 for the other kinds.
        data: Bytes of the value. They are empty for a field of kind :data:`VARINT`.
        encoded: Bytes of the whole field, its key included.
    """

    number: int
    kind: int
    value: int
    data: memoryview
    encoded: memoryview


def open_message(path: str | Path) -> memoryview:
    """Map a file into memory. The system reads each page of the file when it is first used.

    Args:
        path: Path of a file that holds a Protocol Buffers message.

    Returns:
        Bytes of the message.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is empty.
    """
    with open(path, "rb") as file:
        if not file.seek(0, os.SEEK_END):
            raise ValueError("the file is empty")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def read_fields(message: memoryview) -> Iterator[Field]:
    """Read the fields of a message, in the order in which they are stored.

    Args:
        message: Bytes of the message.

    Yields:
        Fields of the message.

    Raises:
        ValueError: The bytes are not a message, or they end within a field.
    """
    place = 0
    while place < len(message):
        begin = place
        key, place = read_varint(message, place)
        number, kind = divmod(key, 8)
        if not 0 < number < _NUMBERS:
            raise ValueError(f"the file has a field with the invalid number {number}")
        if kind == VARINT:
            value, place = read_varint(message, place)
            yield Field(number, kind, value, message[:0], message[begin:place])
            continue
        length, place = _length(message, kind, place)
        end = place + length
        if end > len(message):
            raise ValueError("the file ends in the middle of a field")
        yield Field(number, kind, 0, message[place:end], message[begin:end])
        place = end


def read_varint(message: memoryview, place: int) -> tuple[int, int]:
    """Read a varint: a whole number with 7 bits in each byte, the lowest bits first.

    Args:
        message: Bytes that contain the number.
        place: Position of the number's first byte.

    Returns:
        The decoded number, and the position of the first byte after it.

    Raises:
        ValueError: The bytes end within the number, or it is longer than 64 bits.
    """
    number = 0
    for shift in range(0, 7 * _VARINT_BYTES, 7):
        if place >= len(message):
            raise ValueError("the file ends in the middle of a number")
        byte = message[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80 and number < 1 << 64:
            return number, place
    raise ValueError("the file has a number of more than 64 bits")


def encode_bytes(number: int, value: bytes) -> bytes:
    """Encode a field of kind :data:`BYTES`.

    Args:
        number: Number of the field in its message's schema, at least 1.
        value: Bytes of the value.

    Returns:
        The encoded field.
    """
    return _encode_varint(number * 8 + BYTES) + _encode_varint(len(value)) + value


def _length(message: memoryview, kind: int, place: int) -> tuple[int, int]:
    """The length of a value in bytes, and the position of its first byte."""
    if kind == BYTES:
        return read_varint(message, place)
    if kind not in _FIXED_LENGTHS:
        raise ValueError(f"the file has a field of the unknown kind {kind}")
    return _FIXED_LENGTHS[kind], place


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
