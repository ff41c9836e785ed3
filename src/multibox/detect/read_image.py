"""One image as pixels: from an array, a file, a URL or a Pillow image."""

import os
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np

from multibox.errors import BadInput
from multibox.prepare.render import decode

TIMEOUT = 30
"""Seconds without a response after which a server counts as unreachable."""


def to_pixels(image: Any) -> np.ndarray:
    """Convert an image to pixels.

    Args:
        image: An array ``(H, W, 3)`` uint8 RGB, a path, a URL, or a Pillow image.

    Returns:
        ``(H, W, 3)`` uint8 RGB, upright.

    Raises:
        BadInput: The image cannot be read, or is of another type or shape.
    """
    if isinstance(image, (str, os.PathLike)):
        return read_image(image)
    if hasattr(image, "getexif"):  # Pillow is imported only if the image comes from it
        from PIL import ImageOps

        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        if image.size:
            return image
        raise BadInput("image", f"an array of shape {image.shape} has no pixels")
    what = f"{image.dtype} array of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
    raise BadInput("image", f"a {what}; give an RGB array (H, W, 3) of uint8, a path, or a Pillow image")


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an image file.

    Args:
        path: Path or URL (http, https) of the file.

    Returns:
        ``(H, W, 3)`` uint8 RGB, upright.

    Raises:
        BadInput: The file cannot be read, or is not an image.
    """
    name = os.fspath(path)
    try:
        encoded = _fetch(name) if name.startswith(("http://", "https://")) else Path(name).read_bytes()
    except (OSError, HTTPException, ValueError) as error:  # ValueError: not a valid address
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        raise BadInput(name, f"cannot be read: {reason}") from None
    return decode(encoded, name)


def _fetch(url: str) -> bytes:
    with urlopen(Request(url, headers={"User-Agent": "multibox"}), timeout=TIMEOUT) as response:
        return response.read()
