"""Where the file of a picture ends: one that breaks off before, or has something else behind it, is refused.

A file that is a picture to one program, and an archive, a document or a page to another, is a way to carry the one past
who looks for the other. The formats say where a picture ends; the other thing is behind that, or in the first bytes.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable

from multibox.serve.refused import Refused

MARKS = re.compile(rb"%pdf-|<script|<html|<!doctype html|<svg|<\?php", re.IGNORECASE)
"""What a document, a page or a program begins with; readers of PDF look for it in the first 1024 bytes."""

LOOKED_THROUGH = 1024

TRAILERS = re.compile(rb"\xff\xd8\xff|.{,4}(ftyp|mpvd)", re.DOTALL)
"""How what cameras and telephones put behind a JPEG begins: more pictures (MPO), or the film of a moving photo, whose
length stands before its name."""

NOTES = 65536
"""Bytes of the notes that Samsung's telephones put there; they end with ``SEFT``."""


def check_ending(encoded: bytes, kind: str) -> None:
    """Refuse a file that is not whole, or that is more than a picture.

    Args:
        encoded: the file's bytes.
        kind: its format, in Pillow's words.

    Raises:
        Refused: it is.
    """
    if MARKS.search(encoded, 0, LOOKED_THROUGH) or _is_archive(encoded):
        raise Refused(415, "polyglot", "the file is a document or an archive as well as a picture; save it anew")
    if kind not in ENDS:
        return
    end = ENDS[kind](encoded)
    if end is None or end > len(encoded):
        raise Refused(422, "truncated", "the picture breaks off before its end; send the whole file")
    behind = encoded[end:].strip(b"\0")
    if kind in ("JPEG", "MPO") and _is_of_camera(behind):
        return
    if behind:
        text = f"{len(encoded) - end:,} bytes follow the end of the picture; save it anew and send that"
        raise Refused(415, "polyglot", text)


def _is_of_camera(behind: bytes) -> bool:
    return bool(TRAILERS.match(behind)) or (behind.endswith(b"SEFT") and len(behind) <= NOTES)


def _is_archive(encoded: bytes) -> bool:
    """Whether a program that unpacks ZIP archives, which have their contents at the end, would find one."""
    if not zipfile.is_zipfile(io.BytesIO(encoded)):
        return False
    try:
        return bool(zipfile.ZipFile(io.BytesIO(encoded)).infolist())
    except Exception:  # four bytes that look like one
        return False


def _end_of_jpeg(encoded: bytes) -> int | None:
    """Behind the marker EOI; bytes of 255 in a scan are followed by 0 or a restart marker (ITU T.81, B.1.1.5)."""
    place, marker = 2, re.compile(rb"\xff[^\x00\xd0-\xd7\xff\x01]")
    while found := marker.search(encoded, place):
        if encoded[found.start() + 1] == 0xD9:
            return found.end()
        place = found.end() + int.from_bytes(encoded[found.end() : found.end() + 2], "big")
    return None


def _end_of_png(encoded: bytes) -> int | None:
    """Behind the chunk IEND, if the checksums on the way are right."""
    place = 8
    while place + 12 <= len(encoded):
        behind = place + 8 + int.from_bytes(encoded[place : place + 4], "big")
        if zlib.crc32(memoryview(encoded)[place + 4 : behind]) != int.from_bytes(encoded[behind : behind + 4], "big"):
            return None
        if encoded[place + 4 : place + 8] == b"IEND":
            return behind + 4
        place = behind + 4
    return None


def _end_of_gif(encoded: bytes) -> int | None:
    """Behind the trailer ``;`` (GIF89a, appendix A)."""
    place = 13 + _palette(encoded, 10)
    while place < len(encoded):
        block = encoded[place]
        if block == 0x3B:
            return place + 1
        if block == 0x2C:
            place += 11 + _palette(encoded, place + 9)
        elif block == 0x21:
            place += 2
        else:
            return None
        while place < len(encoded) and encoded[place]:  # parts, each behind its length, the last empty
            place += 1 + encoded[place]
        place += 1
    return None


def _palette(encoded: bytes, place: int) -> int:
    """Bytes of the colour table that the flags at ``place`` announce."""
    flags = encoded[place] if place < len(encoded) else 0
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _end_of_webp(encoded: bytes) -> int | None:
    length = int.from_bytes(encoded[4:8], "little")
    return 8 + length + (length & 1 if 8 + length < len(encoded) else 0)


def _end_of_bmp(encoded: bytes) -> int | None:
    length = int.from_bytes(encoded[2:6], "little")
    return length if length > 14 else len(encoded)


def _end_of_boxes(encoded: bytes) -> int | None:
    """Behind the last box of a file of boxes (ISO/IEC 14496-12, 4.2)."""
    place = 0
    while place < len(encoded):
        length = int.from_bytes(encoded[place : place + 4], "big")
        if length == 1:
            length = int.from_bytes(encoded[place + 8 : place + 16], "big")
        if length == 0 and place:  # to the end of the file
            return len(encoded)
        if length < 8 or not encoded[place + 4 : place + 8].isascii():
            return place if place else None
        place += length
    return place


def _end_of_jpeg2000(encoded: bytes) -> int | None:
    """Of a file of boxes, or of the bare codestream, which ends with the marker EOC (ITU T.800, A.4.4)."""
    if not encoded.startswith(b"\xff\x4f"):
        return _end_of_boxes(encoded)
    found = encoded.rfind(b"\xff\xd9")
    return found + 2 if found > 0 else None


ENDS: dict[str, Callable[[bytes], int | None]] = {
    "JPEG": _end_of_jpeg,
    "MPO": _end_of_jpeg,
    "PNG": _end_of_png,
    "GIF": _end_of_gif,
    "WEBP": _end_of_webp,
    "BMP": _end_of_bmp,
    "JPEG2000": _end_of_jpeg2000,
    "AVIF": _end_of_boxes,
    "HEIF": _end_of_boxes,
}
"""What finds the end of a file of each format, None where it breaks off before; of the others it is not known."""
