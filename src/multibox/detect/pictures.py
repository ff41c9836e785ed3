"""Annotated pictures: PNG files that say that they are ours, so that a later run knows what it may replace."""

import os
import zlib
from pathlib import Path
from typing import Final

import numpy as np

from multibox.draw import save_png

_HEAD: Final = 33
"""Bytes of a PNG before its second chunk: the signature, and the chunk with the size."""

_TEXT: Final = b"tEXt" + b"Software\0multibox predict"
_CHUNK: Final = (len(_TEXT) - 4).to_bytes(4, "big") + _TEXT + zlib.crc32(_TEXT).to_bytes(4, "big")


def save_picture(path: Path, image: np.ndarray) -> None:
    """Write an annotated picture; it is there whole or not at all.

    Args:
        path: of the PNG file.
        image: ``(H, W, 3)`` uint8 RGB.
    """
    plain = path.with_name(f".{path.name}.plain")
    try:
        save_png(plain, image)
        encoded = plain.read_bytes()
        plain.write_bytes(encoded[:_HEAD] + _CHUNK + encoded[_HEAD:])
        os.replace(plain, path)
    finally:
        plain.unlink(missing_ok=True)


def is_ours(path: Path) -> bool:
    """Whether a file is a picture that :func:`save_picture` wrote."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD + len(_CHUNK)).endswith(_CHUNK)
    except OSError:
        return False
