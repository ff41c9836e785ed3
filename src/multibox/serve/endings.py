"""Checks where an image file ends, to refuse truncated files and files with other content added.

A file that one program reads as an image, and another as an archive, a document or a page, can bypass filters. The
image formats define where an image ends. Added content lies after that end, or in the first bytes.
"""

import io
import re
import zipfile

from multibox.image_file import FORMATS_WITH_END, end_of_image
from multibox.serve.refused import Refused

MARKS = re.compile(rb"%pdf-|<script|<html|<!doctype html|<svg|<\?php", re.IGNORECASE)
"""Byte patterns that begin a PDF document, a web page or a script. PDF readers search the first 1024 bytes for them."""

LOOKED_THROUGH = 1024

TRAILERS = re.compile(rb"\xff\xd8\xff|.{,4}(ftyp|mpvd)", re.DOTALL)
"""Byte patterns that begin the data which cameras and phones append to a JPEG: further images (MPO), or the length and
the video of a motion photo."""

NOTES = 65536
"""Largest number of bytes of the metadata that Samsung phones append to an image. It ends with ``SEFT``."""


def check_ending(encoded: bytes, kind: str) -> None:
    """Refuse an image file that is truncated or has other content added.

    Args:
        encoded: Bytes of the image file.
        kind: Name of the image format, as Pillow spells it, such as ``JPEG``.

    Raises:
        Refused: If the file is truncated or has other content added.
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
        text = f"{len(encoded) - end:,} bytes follow the end of the image; save the image again and send the new file"
        raise Refused(415, "polyglot", text)


def _is_of_camera(behind: bytes) -> bool:
    return bool(TRAILERS.match(behind)) or (behind.endswith(b"SEFT") and len(behind) <= NOTES)


def _is_archive(encoded: bytes) -> bool:
    """Whether the file can be opened as a ZIP archive, whose index is at the end."""
    if not zipfile.is_zipfile(io.BytesIO(encoded)):
        return False
    try:
        return bool(zipfile.ZipFile(io.BytesIO(encoded)).infolist())
    except Exception:  # four bytes that only look like an archive
        return False
