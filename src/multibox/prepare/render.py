"""Decodes images, and renders a rectangle of an image (the crop window) at the network's input size."""

import platform
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import cv2
import numpy as np

from multibox.errors import BadInput, install
from multibox.image_file import image_format
from multibox.prepare.rarer import decode_with_pillow, turn_avif
from multibox.prepare.window import Window, overlap

MEAN_RGB: Final = (123, 117, 104)
"""Fill colour beyond the image: the mean of ImageNet, which becomes zero in a network that subtracts it."""

ON_ARM: Final = platform.machine().lower() in ("aarch64", "arm64")
"""Whether OpenCV runs its own code for ARM, which rounds differently."""

INTERPOLATIONS: Final = (
    cv2.INTER_LINEAR,
    cv2.INTER_AREA,
    cv2.INTER_NEAREST,
    cv2.INTER_CUBIC,
    cv2.INTER_LANCZOS4,
)
"""The five resize filters that training draws from (Caffe's ``resize_param``), so that the network does not adapt to
one of them."""


def decode(encoded: bytes, source: str = "image") -> np.ndarray:
    """Decode an image file.

    Args:
        encoded: Bytes of the file: JPEG, PNG, or another format that OpenCV or Pillow reads. Grey, colour, CMYK and
            alpha are supported, with 8 or 16 bits.
        source: Origin of the image, named in the error message.

    Returns:
        ``(H, W, 3)`` uint8 RGB, turned upright by its EXIF orientation.

    Raises:
        BadInput: If the image cannot be decoded.
    """
    image = None
    with suppress(cv2.error):  # OpenCV raises for some files (empty, too large) and returns None for others
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        return _decode_otherwise(encoded, source)
    return turn_avif(image, encoded) if image_format(encoded) == "AVIF" else image


def _decode_otherwise(encoded: bytes, source: str) -> np.ndarray:
    more = ""
    try:
        image = decode_with_pillow(encoded)
    except ImportError:
        image, more = None, f" (for more formats, {install('pictures')})"
    if image is None:
        raise BadInput(source, f"not an image that can be decoded{more}; replace the file or leave it out")
    return image


def render(
    image: np.ndarray,
    window: Window,
    size: tuple[int, int],
    *,
    interpolation: int = cv2.INTER_LINEAR,
    fill: tuple[int, int, int] = MEAN_RGB,
    mirror: bool = False,
    flip: bool = False,
    recolor: Callable[[np.ndarray], np.ndarray] = lambda pixels: pixels,
) -> np.ndarray:
    """Render a window of an image at another size: SSD's expansion, crop, resize and mirroring in one pass.

    Colours are changed where there are fewer pixels: before an enlargement, or after a reduction.

    Args:
        image: ``(H, W, 3)`` uint8.
        window: Rectangle of the image to render, in pixels of the image. A window that does not come from
            :func:`~multibox.prepare.window.snap` may be shifted by up to one pixel.
        size: Height and width of the output, pixels.
        interpolation: Filter of the resize, an ``INTER_`` constant of OpenCV.
        fill: RGB colour of the pixels beyond the image.
        mirror: Whether to exchange left and right.
        flip: Whether to exchange top and bottom.
        recolor: Change of colours, applied to pixels ``(h, w, 3)`` uint8 of the image but not to the fill. It must not
            modify its argument.

    Returns:
        ``(*size, 3)`` uint8, a new array.
    """
    columns, to_columns = overlap(window.x0, window.x1, image.shape[1], size[1])
    rows, to_rows = overlap(window.y0, window.y1, image.shape[0], size[0])
    place = (to_columns.stop - to_columns.start, to_rows.stop - to_rows.start)
    if min(place) <= 0:
        return np.full((*size, 3), fill, np.uint8)
    seen = image[rows, columns]
    if place[0] * place[1] > seen.shape[0] * seen.shape[1]:
        output = resize(recolor(seen), place, interpolation)
    else:
        output = recolor(resize(seen, place, interpolation))
    if place != (size[1], size[0]):
        above, left = to_rows.start, to_columns.start
        below, right = size[0] - to_rows.stop, size[1] - to_columns.stop
        output = cv2.copyMakeBorder(output, above, below, left, right, cv2.BORDER_CONSTANT, value=fill)
    if mirror or flip:
        output = cv2.flip(output, _FLIP_CODE[mirror, flip])
    return output


def resize(image: np.ndarray, size: tuple[int, int], interpolation: int) -> np.ndarray:
    """Resize as OpenCV does on x86, on any processor.

    Lanczos is twice as fast as OpenCV's own, which is not vectorised for bytes.

    Args:
        image: ``(H, W, 3)`` uint8.
        size: Width and height of the result, pixels.
        interpolation: Filter, an ``INTER_`` constant of OpenCV.

    Returns:
        ``(size[1], size[0], 3)`` uint8.
    """
    if interpolation == cv2.INTER_LINEAR and ON_ARM:
        return _linear_on_arm(image, size)
    if interpolation != cv2.INTER_LANCZOS4:
        return cv2.resize(image, size, interpolation=interpolation)
    sharp = cv2.resize(image.astype(np.float32), size, interpolation=interpolation)
    return cv2.convertScaleAbs(cv2.max(sharp, 0.0))


def _linear_on_arm(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The bits that OpenCV gives on x86. Its code for ARM, which is for at most four channels, is off by up to 2."""
    if image.shape[:2] == (2 * size[1], 2 * size[0]):
        return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR_EXACT)
    five_channels = np.empty((*image.shape[:2], 5), np.uint8)  # the last two count for nothing
    cv2.mixChannels([image], [five_channels], [0, 0, 1, 1, 2, 2])
    return np.ascontiguousarray(cv2.resize(five_channels, size, interpolation=cv2.INTER_LINEAR)[..., :3])


_FLIP_CODE: Final = {(True, False): 1, (False, True): 0, (True, True): -1}
