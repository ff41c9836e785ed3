"""Reads TFRecord files: records one after another, each with its length and two checksums.

A record consists of its length in 8 bytes, a masked CRC-32C of the length, the data, and a masked CRC-32C of the data
(https://www.tensorflow.org/tutorials/load_data/tfrecord). Checksums of lengths are verified when records are listed,
and checksums of the data when an image is read.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from multibox.annotations.crc32c import crc32c
from multibox.protobuf_wire import open_message

_LENGTH, _CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")
_HEAD = _LENGTH.size + _CHECKSUM.size
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x78\x01": "zlib", b"\x78\x9c": "zlib", b"\x78\xda": "zlib"}
"""How compressed files begin, and the name of their compression."""


@dataclass(frozen=True)
class Frame:
    """Position and length of a record in its file.

    Attributes:
        number: Position of the record among those of its file, from 1.
        offset: Position of the record's first byte in the file, without its length and checksum.
        length: Length of the record in bytes.
    """

    number: int
    offset: int
    length: int


class DamagedFile(ValueError):  # noqa: N818  It is named after what happened
    """Raised if a file ends too early or is not a TFRecord file.

    Args:
        number: Position of the record that cannot be read, from 1.
        detail: What is wrong, and what to do.
    """

    def __init__(self, number: int, detail: str):
        super().__init__(number, detail)
        self.number, self.detail = number, detail


def map_file(path: Path) -> memoryview:
    """Map the bytes of a file into memory. An empty file gives no bytes."""
    return open_message(path) if path.stat().st_size else memoryview(b"")


def frames(content: memoryview) -> Iterator[Frame]:
    """Find the records of a file. Their data is not read.

    Args:
        content: Bytes of the TFRecord file.

    Yields:
        Position and length of each record.

    Raises:
        DamagedFile: The checksum of a length is wrong, or the file ends within a record.
    """
    place, number = 0, 1
    while place < len(content):
        head = content[place : place + _HEAD]
        if not _is_head(head):
            raise DamagedFile(number, _why(bytes(content[:2]), number, len(head)))
        (length,) = _LENGTH.unpack(head[: _LENGTH.size])
        begin = place + _HEAD
        place = begin + length + _CHECKSUM.size
        if place > len(content):
            raise DamagedFile(number, f"the file ends {place - len(content):,} bytes too early; copy it again")
        yield Frame(number, begin, length)
        number += 1


def begins_as_records(path: Path) -> bool:
    """Whether bytes begin with the length of a record and the right checksum of the length."""
    with path.open("rb") as file:
        return _is_head(memoryview(file.read(_HEAD)))


def read_record(path: Path, frame: Frame) -> bytes:
    """Read the data of a record.

    Raises:
        ValueError: The checksum is wrong, or the file is shorter than when its records were listed.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        file.seek(frame.offset)
        record = file.read(frame.length + _CHECKSUM.size)
    data = memoryview(record)[: frame.length]
    if len(record) < frame.length + _CHECKSUM.size or _masked(data) != record[frame.length :]:
        raise ValueError("the checksum of its record is wrong, so the file is damaged")
    return record[: frame.length]


def _is_head(head: memoryview) -> bool:
    return len(head) == _HEAD and _masked(head[: _LENGTH.size]) == head[_LENGTH.size :]


def _masked(data: memoryview) -> bytes:
    """The checksum of some bytes, rotated and shifted, so that a checksum of checksums is none."""
    checksum = crc32c(data)
    return _CHECKSUM.pack(((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _why(first: bytes, number: int, remaining: int) -> str:
    if number == 1 and first in _COMPRESSED:
        return f"the file is compressed ({_COMPRESSED[first]}), which is not read; decompress it"
    if remaining < _HEAD and number == 1:
        return "the file is too short for a record; copy it again"
    if remaining < _HEAD:
        return "the file ends in the middle of a length; copy it again"
    return "the checksum of its length is wrong; " + (
        "it is no TFRecord file" if number == 1 else "the file is damaged"
    )
