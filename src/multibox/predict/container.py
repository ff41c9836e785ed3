"""The number of frames and the length that a video's container (such as MP4) declares."""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

import cv2

from multibox.predict.sources import Source

COUNTING: Final = (".avi", ".mp4", ".mov", ".m4v")
"""Suffixes of containers that store the number of frames. For other containers, FFmpeg estimates it from the length."""

MOST: Final = 10**8
"""Number of frames above which a declared count is not believed: 38 days at 30 frames per second."""


@dataclass(frozen=True)
class Promise:
    """The number of frames and the length that a container declares for its video.

    Attributes:
        frames: Number of frames, or 0 if the container does not say.
        seconds: Length in seconds from the first frame to the end of the last, or 0 if the container does not say.
        is_exact: Whether ``frames`` is a count of all frames. Otherwise it is estimated from the length, which sound
            may prolong, or it counts only the first part of a fragmented file.
        is_cut_off: Whether the file is shorter, in bytes, than the container declares.
    """

    frames: int = 0
    seconds: float = 0.0
    is_exact: bool = False
    is_cut_off: bool = False


def read_promise(source: Source, capture: Any, rate: float) -> Promise:
    """Read the number of frames and the length that a video's container declares.

    Args:
        source: Path of the video file.
        capture: OpenCV's ``VideoCapture`` of the file.
        rate: Frames per second of the video.

    Returns:
        The declared number of frames and length. All fields are 0 or False if the container declares nothing.
    """
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    if source.kind == "frames":
        return Promise(int(count), count / rate, is_exact=True)
    if not 0 < count < MOST:
        return Promise()
    is_exact = urlsplit(source.name).path.lower().endswith(COUNTING)
    seconds, is_cut_off = 0.0, False
    with suppress(OSError, struct.error), Path(source.name).open("rb") as file:
        start = file.read(12)
        size = os.fstat(file.fileno()).st_size
        is_exact = start[4:8] == b"ftyp" or start[:4] + start[8:] == b"RIFFAVI "
        if start[4:8] == b"ftyp":
            is_exact = not _is_fragmented(file, size)
            seconds = _mp4_seconds(file, size)
        elif start.startswith(_EBML):
            is_cut_off = _matroska_end(file) > size
    return Promise(int(count), seconds or count / rate, is_exact, is_cut_off)


def _is_fragmented(file: BinaryIO, size: int) -> bool:
    """Whether frames follow in fragments, which the tables of the file do not count (ISO/IEC 14496-12, 8.8.1)."""
    return any(True for movie in _boxes(file, b"moov", 0, size) for _ in _boxes(file, b"mvex", *movie))


def _mp4_seconds(file: BinaryIO, size: int) -> float:
    """Length of the first video track after its edits, which leave out what was trimmed (ISO/IEC 14496-12, 8.3.2).

    It is 0 if the file does not say it, by 0 itself or by all ones.
    """
    for movie in _boxes(file, b"moov", 0, size):
        timescale = next((_field(file, header, 12, 20, 4) for header in _boxes(file, b"mvhd", *movie)), 0)
        for track in _boxes(file, b"trak", *movie):
            media = next(_boxes(file, b"mdia", *track), None)
            handler = media and next(_boxes(file, b"hdlr", *media), None)
            if timescale and handler and _bytes(file, handler[0] + 8, 4) == b"vide":
                length = next((_field(file, header, 20, 28, 4, 8) for header in _boxes(file, b"tkhd", *track)), 0)
                return 0.0 if length in _UNKNOWN else length / timescale
    return 0.0


_UNKNOWN: Final = frozenset({2**32 - 1, 2**64 - 1})
"""Lengths of a track that say that its length is not known."""


def _boxes(file: BinaryIO, kind: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Begin and end of the content of each box of a kind between two positions (ISO/IEC 14496-12, 4.2)."""
    while begin + 8 <= end:
        length, name = struct.unpack(">I4s", _bytes(file, begin, 8))
        head = 8
        if length == 1:
            (length,), head = struct.unpack(">Q", _bytes(file, begin + 8, 8)), 16
        stop = begin + length if length else end
        if length and length < head:
            return
        if name == kind:
            yield begin + head, min(stop, end)
        begin = stop


def _field(file: BinaryIO, box: tuple[int, int], place: int, place_1: int, length: int, length_1: int = 0) -> int:
    """A number of a box. Version 1 of the box has it at another place, and may have it longer."""
    if _bytes(file, box[0], 1) == b"\1":
        place, length = place_1, length_1 or length
    return int.from_bytes(_bytes(file, box[0] + place, length), "big")


def _bytes(file: BinaryIO, place: int, length: int) -> bytes:
    file.seek(place)
    return file.read(length)


_EBML: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT: Final = b"\x18\x53\x80\x67"


def _matroska_end(file: BinaryIO) -> int:
    """Position at which Matroska's segment ends, or 0 if the file does not say (RFC 8794, 4 and 6)."""
    place = 0
    for element in (_EBML, _SEGMENT):
        if _bytes(file, place, 4) != element:
            return 0
        first = _bytes(file, place + 4, 1)
        width = 9 - first[0].bit_length() if first else 9
        size = int.from_bytes(_bytes(file, place + 4, width), "big") & (1 << 7 * width) - 1
        if width > 8 or size == (1 << 7 * width) - 1:
            return 0
        place += 4 + width + size
    return place
