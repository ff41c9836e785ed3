"""Where an image file ends: a truncated file, and one with something else behind the image, is refused.

A file that is an image to one program and an archive, a document or a page to another can smuggle the one past a filter
for the other. The formats define where an image ends. The other content is behind that, or in the first bytes.
"""

import io
import re
import zipfile

from multibox.image_file import FORMATS_WITH_END, end_of_image
from multibox.serve.refused import Refused

MARKS = re.compile(rb"%pdf-|<script|<html|<!doctype html|<svg|<\?php", re.IGNORECASE)
"""How a document, a page or a program begins. PDF readers search the first 1024 bytes for it."""

LOOKED_THROUGH = 1024

TRAILERS = re.compile(rb"\xff\xd8\xff|.{,4}(ftyp|mpvd)", re.DOTALL)
"""How the data begins that cameras and phones append to a JPEG: more images (MPO), or the film of a motion photo, whose
length precedes its name."""

NOTES = 65536
"""Largest number of bytes of the notes that Samsung phones append. They end with ``SEFT``."""


def check_ending(encoded: bytes, kind: str) -> None:
    """Refuse a file that is truncated, or that is more than an image.

    Args:
        encoded: Bytes of the file.
        kind: Pillow's name of the format.

    Raises:
        Refused: If the file is truncated or holds something else.
    """
    if MARKS.search(encoded, 0, LOOKED_THROUGH) or _is_archive(encoded):
        raise Refused(415, "polyglot", "the file is also a document or an archive; save the image again")
    if kind not in FORMATS_WITH_END:
        return
    end = end_of_image(encoded, kind)
    if end is None or end > len(encoded):
        raise Refused(422, "truncated", "the image is truncated; send the whole file")
    behind = encoded[end:].strip(b"\0")
    if kind in ("JPEG", "MPO") and _is_of_camera(behind):
        return
    if behind:
        text = f"{len(encoded) - end:,} bytes follow the end of the image; save it again and send that"
        raise Refused(415, "polyglot", text)


def _is_of_camera(behind: bytes) -> bool:
    return bool(TRAILERS.match(behind)) or (behind.endswith(b"SEFT") and len(behind) <= NOTES)


def _is_archive(encoded: bytes) -> bool:
    """Whether a program that unpacks ZIP archives, whose index is at the end, would find one."""
    if not zipfile.is_zipfile(io.BytesIO(encoded)):
        return False
    try:
        return bool(zipfile.ZipFile(io.BytesIO(encoded)).infolist())
    except Exception:  # four bytes that only look like an archive
        return False
