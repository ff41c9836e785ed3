"""Where the file of a picture ends: one that breaks off before, or has something else behind it, is refused.

A file that is a picture to one program, and an archive, a document or a page to another, is a way to carry the one past
who looks for the other. The formats say where a picture ends; the other thing is behind that, or in the first bytes.
"""

import io
import re
import zipfile

from multibox.image_file import FORMATS_WITH_END, end_of_image
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
    if kind not in FORMATS_WITH_END:
        return
    end = end_of_image(encoded, kind)
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
