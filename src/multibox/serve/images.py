"""Checks and decodes uploaded images. Checks come first, so that no image can be too costly to decode."""

import io
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.prepare.rarer import quiet_pillow
from multibox.prepare.render import decode
from multibox.serve.endings import check_ending
from multibox.serve.refused import Refused
from multibox.serve.settings import Settings

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "JPEG2000", "AVIF", "HEIF")
"""Pillow's names of the accepted formats. Its readers of other formats are never tried."""

ANIMATED = ("GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF")
"""Formats whose files may hold several images. MPO files may too, but their first image is the photo."""


def read_image(encoded: bytes, settings: Settings) -> np.ndarray:
    """Check and decode an uploaded image.

    Args:
        encoded: Bytes of the image file.
        settings: Limits of the server.

    Returns:
        ``(H, W, 3)`` uint8 RGB pixels, rotated upright as the EXIF orientation says.

    Raises:
        Refused: If the file is not an image, is damaged, animated or too large, or has other content added.
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
    """Check the header and the end of an uploaded image file.

    Raises:
        Refused: If the file is not an image, is damaged, animated or too large, or has other content added.
    """
    if not encoded:
        raise Refused(415, "not-an-image", "the uploaded file is empty; send an image")
    opened = _open(encoded, settings)
    width, height = opened.size
    if width * height > settings.max_pixels:
        raise _too_large(width, height, settings)
    if opened.format in ANIMATED and _holds_several(opened):
        raise Refused(415, "animated", "the file contains several images; send a file with one image")
    check_ending(encoded, opened.format)


def _holds_several(opened: Any) -> bool:
    try:
        return bool(getattr(opened, "is_animated", False))
    except Exception:  # the search for a second image met unreadable data
        raise _damaged() from None


@cache
def taken_formats() -> tuple[str, ...]:
    """Accepted image formats that the installed Pillow can read, by Pillow's names."""
    from PIL import Image

    with suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _open(encoded: bytes, settings: Settings) -> Any:
    """Open an image file with Pillow without decoding its pixels."""
    from PIL import Image

    quiet_pillow()
    try:
        return Image.open(io.BytesIO(encoded), formats=taken_formats())
    except Image.DecompressionBombError:
        raise Refused(
            413, "too-many-pixels", f"the image has more than {settings.max_pixels:,} pixels; send a smaller image"
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
        f"the image has {width:,} x {height:,} pixels, more than {settings.max_pixels:,}; send a smaller image",
    )
