"""What OpenCV leaves undone when it decodes: AVIF files that are to be turned, and formats that only Pillow reads."""

import io
from contextlib import suppress

import numpy as np


def turn_avif(image: np.ndarray, encoded: bytes) -> np.ndarray:
    """Turn an AVIF image upright: OpenCV passes over its properties ``irot`` and ``imir`` (ISO/IEC 23008-12).

    Args:
        image: ``(H, W, 3)`` as it is coded.
        encoded: the file's bytes.

    Returns:
        ``(H', W', 3)`` as it is to be shown: rotated first, then mirrored.
    """
    head = encoded[: encoded.find(b"mdat")]
    quarters, mirror = _property(head, b"irot"), _property(head, b"imir")
    image = np.rot90(image, quarters & 3) if quarters is not None else image
    if mirror is not None:
        image = image[:, ::-1] if mirror & 1 else image[::-1]
    return np.ascontiguousarray(image)


def _property(head: bytes, name: bytes) -> int | None:
    place = head.find(name)
    return head[place + len(name)] if place >= 0 else None


def decode_with_pillow(encoded: bytes) -> np.ndarray | None:
    """Decode with Pillow, which reads more formats than OpenCV, and HEIC with pillow-heif.

    Args:
        encoded: the file's bytes.

    Returns:
        ``(H, W, 3)`` uint8 RGB, upright; None where it cannot be decoded either.

    Raises:
        ImportError: Pillow is not installed.
    """
    from PIL import Image, ImageOps

    with suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    with suppress(Exception):  # each of its decoders has errors of its own
        return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(encoded))).convert("RGB"))
    return None
