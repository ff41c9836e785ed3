"""What can be wrong with an image or a box, found before anything trains on it."""

import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np


@dataclass(frozen=True)
class Problem:
    """Something in a dataset that cannot be trained on.

    Attributes:
        kind: ``missing``, ``annotation``, ``image``, ``size`` or ``box``.
        file: that holds it.
        object: which object of the file, such as ``object 3 of 4 (dog)``; empty where it is the whole file.
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


def object_name(number: int, total: int, class_name: str) -> str:
    """How messages call an object: by its position from 0 among those of its image, and its class."""
    return f"object {number + 1} of {total} ({class_name})"


class BadImageError(ValueError):
    """Bytes that are not a whole image; the message says how."""


def check_image(data: bytes) -> tuple[int, int]:
    """Prove that an image is whole, by its structure and by decoding it.

    Some decoders fill up with grey what a cut-off JPEG lacks, so that its end is looked at too.

    Args:
        data: a file's bytes.

    Returns:
        width and height of the upright image (after EXIF orientation), pixels.

    Raises:
        BadImageError: empty, cut off, damaged, or of no known format.
    """
    if not data:
        raise BadImageError("is empty")
    if data.startswith(b"\xff\xd8"):
        return _check_jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n") and not _png_ends(data):
        raise BadImageError("is cut off or damaged")
    if data.startswith(b"RIFF") and len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise BadImageError("is cut off")
    return _decoded_size(data, cv2.IMREAD_GRAYSCALE)


def color_mode(data: bytes) -> str:
    """How a whole image keeps its colours, as far as its header says it.

    Args:
        data: a file's bytes, which :func:`check_image` found whole.

    Returns:
        ``grey``, ``cmyk`` or ``color``; ``color`` for formats other than JPEG and PNG.
    """
    if data.startswith(b"\xff\xd8"):
        return {1: "grey", 4: "cmyk"}.get(_jpeg_header(data).channels, "color")
    if data.startswith(b"\x89PNG") and len(data) > 25:
        return "grey" if data[25] in (0, 4) else "color"  # the colour type of the header chunk
    return "color"


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
    low, high = boxes[:, :2], boxes[:, 2:]
    if (np.isfinite(boxes).all() and (low < high).all()) and ((high > 0).all() and (low < (width, height)).all()):
        return [""] * len(boxes)
    x0, y0, x1, y1 = boxes.T
    finite = np.isfinite(boxes).all(axis=1)
    inverted = (x1 < x0) | (y1 < y0)
    empty = (x1 == x0) | (y1 == y0)
    outside = (x1 <= 0) | (y1 <= 0) | (x0 >= width) | (y0 >= height)
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


def _check_jpeg(data: bytes) -> tuple[int, int]:
    """Size of a whole JPEG. Decoding to an eighth reads every coded byte, and spares most of the arithmetic."""
    width, height, _, scan = _jpeg_header(data)
    if not data.endswith(b"\xff\xd9") and data.find(b"\xff\xd9", scan) < 0:
        raise BadImageError("is cut off")
    small = _decoded_size(data, cv2.IMREAD_REDUCED_GRAYSCALE_8)
    # The small image is upright: its shape tells whether EXIF turned it, unless the sides are nearly equal.
    sizes = [size for size in {(width, height), (height, width)} if (-(-size[0] // 8), -(-size[1] // 8)) == small]
    return sizes[0] if len(sizes) == 1 else _decoded_size(data, cv2.IMREAD_GRAYSCALE)


class _JpegHeader(NamedTuple):
    """Width, height and channels (0 where it has none), and the position of the first scan."""

    width: int
    height: int
    channels: int
    scan: int


def _jpeg_header(data: bytes) -> _JpegHeader:
    """What a JPEG says of itself before its first scan; thumbnails are passed over."""
    width = height = channels = 0
    position = 2
    while position + 9 < len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xDA:
            return _JpegHeader(width, height, channels, position)
        if marker in _FRAMES:
            height, width, channels = struct.unpack_from(">HHB", data, position + 5)
        is_fill_byte = marker == 0xFF
        position += 1 if is_fill_byte else 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    raise BadImageError("is cut off before its first pixel")


_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
"""Markers of a JPEG's frame header, which holds its size."""


def decode_grey(data: bytes, flag: int) -> np.ndarray:
    """The grey levels ``(H, W)`` uint8 of an image, upright; ``flag`` is OpenCV's, whole or reduced.

    Raises:
        BadImageError: not an image.
    """
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise BadImageError("does not decode as an image")
    return pixels


def _decoded_size(data: bytes, flag: int) -> tuple[int, int]:
    height, width = decode_grey(data, flag).shape
    return width, height


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
