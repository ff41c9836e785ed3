"""Which pictures to look at: from what a person names to image files, and from a file to pixels."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from multibox.errors import BadInput
from multibox.prepare.render import decode

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
"""Which files of a folder are pictures; a file that is named itself may be called anything."""


def find_images(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List the pictures that paths name.

    Args:
        paths: files, folders (the pictures directly in them) and globs (``**`` goes into folders).

    Returns:
        the files, in the order named, each once; those of a folder or a glob by name.

    Raises:
        BadInput: a path does not exist, or names no picture.
    """
    found: dict[Path, None] = {}  # a set that keeps the order
    for path in paths:
        found.update(dict.fromkeys(_expand(os.fspath(path))))
    return list(found)


def _expand(path: str) -> list[Path]:
    if os.path.isfile(path):
        return [Path(path)]
    if os.path.isdir(path):
        images = _images(Path(path).iterdir())
        if not images:
            raise BadInput(f"{path}: has no pictures in it; they end in {', '.join(SUFFIXES)}")
        return images
    if not glob.has_magic(path):
        raise BadInput(f"{path}: no such file or folder")
    images = _images(Path(match) for match in glob.glob(path, recursive=True))
    if not images:
        raise BadInput(f"{path}: matches no picture; they end in {', '.join(SUFFIXES)}")
    return images


def _images(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file())


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture.

    Args:
        path: of the file.

    Returns:
        ``(H, W, 3)`` uint8 RGB, upright.

    Raises:
        BadInput: it cannot be read, or is not a picture.
    """
    try:
        encoded = Path(path).read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    return decode(encoded, str(path))
