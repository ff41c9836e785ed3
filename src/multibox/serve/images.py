"""Uploaded pictures: looked at before they are decoded, and refused where decoding would cost or hide something."""

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
"""What Pillow calls the formats that are taken, where it has them; its readers of other formats are never tried."""

ANIMATED = ("GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF")
"""Formats of which a file may hold several pictures. An MPO file does, too, but the first is the photo."""


def read_image(encoded: bytes, settings: Settings) -> np.ndarray:
    """Decode an uploaded picture, if its header says that it is one and not too large.

    Args:
        encoded: the file's bytes.
        settings: how many pixels it may have.

    Returns:
        ``(H, W, 3)`` uint8 RGB, upright.

    Raises:
        Refused: it is no picture, damaged, too large, animated, or something else besides.
    """
    verify_image(encoded, settings)
    try:
        image = decode(encoded, "the picture")
    except BadInput:
        raise _damaged() from None
    if image.shape[0] * image.shape[1] > settings.max_pixels:
        raise _too_large(image.shape[1], image.shape[0], settings)
    return image


def verify_image(encoded: bytes, settings: Settings) -> None:
    """Look at a picture's header and its end.

    Raises:
        Refused: see :func:`read_image`.
    """
    if not encoded:
        raise Refused(415, "not-a-picture", "the picture is empty")
    opened = _open(encoded, settings)
    width, height = opened.size
    if width * height > settings.max_pixels:
        raise _too_large(width, height, settings)
    if opened.format in ANIMATED and _holds_several(opened):
        raise Refused(415, "animated", "the file holds several pictures; send one of them")
    check_ending(encoded, opened.format)


def _holds_several(opened: Any) -> bool:
    try:
        return bool(getattr(opened, "is_animated", False))
    except Exception:  # looking for a second picture, it met what it cannot read
        raise _damaged() from None


@cache
def taken_formats() -> tuple[str, ...]:
    """Of :data:`FORMATS` those that the installed Pillow reads."""
    from PIL import Image

    with suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _open(encoded: bytes, settings: Settings) -> Any:
    """The file as Pillow sees it, its pixels not yet read."""
    from PIL import Image

    try:
        return Image.open(io.BytesIO(encoded), formats=taken_formats())
    except Image.DecompressionBombError:
        raise Refused(413, "too-many-pixels", f"the picture has more than {settings.max_pixels:,} pixels") from None
    except Image.UnidentifiedImageError:
        names = ", ".join(taken_formats())
        raise Refused(415, "not-a-picture", f"the file is not a picture of a kind that is taken: {names}") from None
    except Exception:  # each of Pillow's readers has errors of its own
        raise _damaged() from None


def _damaged() -> Refused:
    return Refused(422, "damaged", "the picture is damaged and cannot be decoded; send a whole file")


def _too_large(width: int, height: int, settings: Settings) -> Refused:
    return Refused(
        413,
        "too-many-pixels",
        f"the picture has {width:,} x {height:,} pixels, more than {settings.max_pixels:,}; send a smaller one",
    )
