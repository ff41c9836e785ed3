"""What can be wrong with an image or a box, found before anything trains on it."""

import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Problem:
    """Something in a dataset that cannot be trained on.

    Attributes:
        kind: ``missing``, ``annotation``, ``image``, ``size`` or ``box``.
        file: that holds it.
        object: which object of the file, such as ``object 3 (dog)``; empty where it is the whole file.
        detail: what is wrong.
        action: what was done about it.
    """

    kind: str
    file: str
    object: str
    detail: str
    action: str = "image left out"

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.object, self.detail) if part)


class BadImageError(ValueError):
    """Bytes that are not a whole image; the message says how."""


def check_image(data: bytes) -> tuple[int, int]:
    """Prove that an image is whole, by its structure and by decoding it.

    Decoders of JPEG fill up with grey what a cut-off file lacks, so that its end is looked at too. Decoding to grey
    reads every coded byte and spares the colour conversion.

    Args:
        data: a file's bytes.

    Returns:
        width and height of the upright image (after EXIF orientation), pixels.

    Raises:
        BadImageError: empty, cut off, damaged, or of no known format.
    """
    if not data:
        raise BadImageError("is empty")
    if not _reaches_its_end(data):
        raise BadImageError("is cut off or damaged")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise BadImageError("does not decode as an image")
    return pixels.shape[1], pixels.shape[0]


def box_faults(boxes: np.ndarray, width: int, height: int) -> list[str]:
    """What is wrong with each box.

    A box that reaches beyond the image is no fault: it is clipped. One without a pixel of the image is.

    Args:
        boxes: ``(N, 4)`` corners, pixels.
        width: of the image.
        height: of the image.

    Returns:
        N texts, empty where a box is good.
    """
    x0, y0, x1, y1 = boxes.T
    finite = np.isfinite(boxes).all(axis=1)
    inverted = (x1 < x0) | (y1 < y0)
    empty = (x1 == x0) | (y1 == y0)
    outside = (x1 <= 0) | (y1 <= 0) | (x0 >= width) | (y0 >= height)
    if not (~finite | inverted | empty | outside).any():
        return [""] * len(boxes)
    return [
        "is not four numbers"
        if not finite[i]
        else "is inverted"
        if inverted[i]
        else "has no area"
        if empty[i]
        else f"lies outside the image of {width}x{height}"
        if outside[i]
        else ""
        for i in range(len(boxes))
    ]


def _reaches_its_end(data: bytes) -> bool:
    if data.startswith(b"\xff\xd8"):
        return _jpeg_ends(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png_ends(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return True


def _jpeg_ends(data: bytes) -> bool:
    """Whether the end-of-image marker follows the first scan; one in an EXIF thumbnail does not count."""
    if data.endswith(b"\xff\xd9"):
        return True
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xDA:
            return data.find(b"\xff\xd9", position) >= 0
        is_fill_byte = marker == 0xFF
        position += 1 if is_fill_byte else 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return False


def _png_ends(data: bytes) -> bool:
    """Whether every chunk up to the end chunk is whole, by its check sum."""
    position = 8
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data) or zlib.crc32(data[position + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return False
        if kind == b"IEND":
            return True
        position = end + 4
    return False
