"""Decodes image files that OpenCV cannot decode alone: rotated AVIF files, and formats that only Pillow reads."""

import io
import warnings
from contextlib import suppress

import numpy as np


def turn_avif(image: np.ndarray, encoded: bytes) -> np.ndarray:
    """Rotate an AVIF image upright, because OpenCV ignores its properties ``irot`` and ``imir`` (ISO/IEC 23008-12).

    Args:
        image: ``(H, W, 3)`` decoded pixels, not yet rotated.
        encoded: Bytes of the file.

    Returns:
        ``(H', W', 3)`` upright pixels: rotated first, then mirrored.
    """
    head = encoded[: encoded.find(b"mdat")]
    quarters, mirror = _property(head, b"irot"), _property(head, b"imir")
    image = np.rot90(image, quarters & 3) if quarters is not None else image
    if mirror is not None:
        image = image[:, ::-1] if mirror & 1 else image[::-1]
    return np.ascontiguousarray(image)


def quiet_pillow() -> None:
    """Silence Pillow's warnings about damaged files. Multibox reports damaged files itself, by name."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _property(head: bytes, name: bytes) -> int | None:
    place = head.find(name)
    return head[place + len(name)] if place >= 0 else None


def decode_with_pillow(encoded: bytes) -> np.ndarray | None:
    """Decode with Pillow, which reads more formats than OpenCV, and HEIC with pillow-heif.

    Args:
        encoded: Bytes of the file.

    Returns:
        ``(H, W, 3)`` uint8 RGB, upright, or None if Pillow cannot decode the file either.

    Raises:
        ImportError: If Pillow is not installed.
    """
    from PIL import Image, ImageOps

    with suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    quiet_pillow()
    with suppress(Exception):  # every decoder of Pillow raises errors of its own
        return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(encoded))).convert("RGB"))
    return None
