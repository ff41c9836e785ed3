"""Uploaded images: verified before they are decoded, and refused if decoding would be costly or hide something."""

import io
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.prepare.render import decode
from multibox.serve.endings import check_ending
from multibox.serve.refused import Refused
from multibox.serve.settings import Settings

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "JPEG2000", "AVIF", "HEIF")
"""Pillow's names of the accepted formats. Its readers of other formats are never tried."""

ANIMATED = ("GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF")
"""Formats whose files may hold several images. So does MPO, but its first image is the photo."""


def read_image(encoded: bytes, settings: Settings) -> np.ndarray:
    """Decode an uploaded image, if its header is valid and not too large.

    Args:
        encoded: Bytes of the file.
        settings: Limits of the server.

    Returns:
        ``(H, W, 3)`` uint8 RGB, upright.

    Raises:
        Refused: If the file is not an image, damaged, too large, animated, or also something else.
    """
    verify_image(encoded, settings)
    try:
        image = decode(encoded, "the image")
    except BadInput:
        raise _damaged() from None
    if image.shape[0] * image.shape[1] > settings.max_pixels:
        raise _too_large(image.shape[1], image.shape[0], settings)
    return image


def verify_image(encoded: bytes, settings: Settings) -> None:
    """Verify an image's header and its end.

    Raises:
        Refused: If the file is not an image, damaged, too large, animated, or also something else.
    """
    if not encoded:
        raise Refused(415, "not-an-image", "the image is empty; send a file")
    opened = _open(encoded, settings)
    width, height = opened.size
    if width * height > settings.max_pixels:
        raise _too_large(width, height, settings)
    if opened.format in ANIMATED and _holds_several(opened):
        raise Refused(415, "animated", "the file holds several images; send one of them")
    check_ending(encoded, opened.format)


def _holds_several(opened: Any) -> bool:
    try:
        return bool(getattr(opened, "is_animated", False))
    except Exception:  # the search for a second image met unreadable data
        raise _damaged() from None


@cache
def taken_formats() -> tuple[str, ...]:
    """The formats of :data:`FORMATS` that the installed Pillow reads."""
    from PIL import Image

    with suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _open(encoded: bytes, settings: Settings) -> Any:
    """The file opened by Pillow, its pixels not yet read."""
    from PIL import Image

    try:
        return Image.open(io.BytesIO(encoded), formats=taken_formats())
    except Image.DecompressionBombError:
        raise Refused(
            413, "too-many-pixels", f"the image has more than {settings.max_pixels:,} pixels; send a smaller one"
        ) from None
    except Image.UnidentifiedImageError:
        names = ", ".join(taken_formats())
        raise Refused(
            415, "not-an-image", f"the file is not an image of an accepted format; send one of {names}"
        ) from None
    except Exception:  # each of Pillow's readers raises errors of its own
        raise _damaged() from None


def _damaged() -> Refused:
    return Refused(422, "damaged", "the image is damaged and cannot be decoded; send an intact file")


def _too_large(width: int, height: int, settings: Settings) -> Refused:
    return Refused(
        413,
        "too-many-pixels",
        f"the image has {width:,} x {height:,} pixels, more than {settings.max_pixels:,}; send a smaller one",
    )
