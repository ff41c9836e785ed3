"""Finds look-alike images by a perceptual hash, which hardly changes if an image is saved again, resized or brightened.

A hash has 64 bits. Two hashes are compared by the number of bits in which they differ.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from multibox.data.check import BadImageError, decode_grey

HASH_SIDE: Final = 8
SEEN_SIDE: Final = 32
"""Side of the square to which an image is resized before it is hashed, pixels."""

MOST_BITS: Final = 10
"""Largest number of differing bits, of 64, between the hashes of look-alikes. Two random hashes differ in so few bits
once in 10^8."""

LEAST_CORRELATION: Final = 0.97
"""Smallest correlation between the grey levels of two thumbnails whose images count as look-alikes."""


@dataclass(frozen=True)
class Looks:
    """Perceptual hashes and thumbnails of N images, by which the images are compared.

    Attributes:
        hashes: ``(N,)`` uint64 perceptual hashes.
        thumbnails: ``(N, 256)`` uint8 grey levels of the thumbnails' pixels.
    """

    hashes: np.ndarray
    thumbnails: np.ndarray


def look_of(data: bytes) -> tuple[int, np.ndarray]:
    """Compute the hash and the thumbnail of an image.

    The hash marks which of the lowest 8 x 8 frequencies of the cosine transform are above their median. Size,
    compression and brightness change it little.

    Args:
        data: Bytes of a whole image file.

    Returns:
        The hash, a number of 64 bits, and the thumbnail, ``(256,)`` uint8 grey levels.

    Raises:
        BadImageError: If the bytes are not an image that can be decoded.
    """
    return look_at(_grey(data))


def look_at(grey: np.ndarray) -> tuple[int, np.ndarray]:
    """Compute the hash and the thumbnail of an image from its grey levels, as :func:`look_of` does from its file.

    Args:
        grey: ``(H, W)`` uint8 grey levels.

    Returns:
        The hash, a number of 64 bits, and the thumbnail, ``(256,)`` uint8 grey levels.
    """
    small = cv2.resize(grey, (SEEN_SIDE, SEEN_SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:HASH_SIDE, :HASH_SIDE].ravel()
    bits = low > np.median(low[1:])  # the first is the brightness
    number = int.from_bytes(np.packbits(bits).tobytes(), "big")
    return number, cv2.resize(small, (SEEN_SIDE // 2,) * 2, interpolation=cv2.INTER_AREA).ravel()


def _grey(data: bytes) -> np.ndarray:
    """Grey levels of an image, reduced if enough of it is left. OpenCV cannot reduce images of a few pixels."""
    try:
        reduced = decode_grey(data, cv2.IMREAD_REDUCED_GRAYSCALE_8)
    except BadImageError:
        return decode_grey(data, cv2.IMREAD_GRAYSCALE)
    return reduced if min(reduced.shape) >= SEEN_SIDE else decode_grey(data, cv2.IMREAD_GRAYSCALE)


def stack_looks(looks: list[tuple[int, np.ndarray]]) -> Looks:
    """Stack the results of :func:`look_of` for N images into arrays."""
    hashes = np.array([number for number, _ in looks], np.uint64)
    thumbnails = np.array([thumbnail for _, thumbnail in looks], np.uint8)
    return Looks(hashes, thumbnails.reshape(len(looks), (SEEN_SIDE // 2) ** 2))


def find_alike(these: Looks, others: Looks) -> dict[int, int]:
    """Find the images that look like an image of another set.

    Args:
        these: Hashes and thumbnails of N images.
        others: Hashes and thumbnails of M other images.

    Returns:
        Dict from the position of each image in ``these`` that has a look-alike to the position in ``others`` of the
        most similar image.
    """
    rows, columns = _normalized(these.thumbnails), _normalized(others.thumbnails)
    found = {}
    for i, value in enumerate(these.hashes):
        close = _close(value, others.hashes)
        correlations = columns[close] @ rows[i]
        if correlations.max(initial=0) >= LEAST_CORRELATION:
            found[i] = int(close[correlations.argmax()])
    return found


def alike_to(looks: Looks, index: int) -> np.ndarray:
    """Find the images that look like one of them.

    Args:
        looks: Hashes and thumbnails of N images.
        index: Position of the image that the others are compared with.

    Returns:
        Positions of its look-alikes. An image of one colour has none, as its hash says nothing.
    """
    close = _close(looks.hashes[index], looks.hashes)
    rows = _normalized(looks.thumbnails[close])
    return close[(rows @ _normalized(looks.thumbnails[[index]])[0] >= LEAST_CORRELATION) & (close != index)]


def group_alike(looks: Looks) -> np.ndarray:
    """Group images that look alike, such as consecutive frames of a video.

    Args:
        looks: Hashes and thumbnails of N images.

    Returns:
        ``(N,)`` position of the first image in each image's group. An image without look-alikes has its own position.
    """
    thumbnails = _normalized(looks.thumbnails)
    first = np.arange(len(looks.hashes))
    for i in np.flatnonzero(thumbnails.any(axis=1)):  # those of one colour have one hash and are not judged
        later = i + 1 + _close(looks.hashes[i], looks.hashes[i + 1 :])
        later = later[first[later] != first[i]]
        alike = later[thumbnails[later] @ thumbnails[i] >= LEAST_CORRELATION]
        if len(alike):
            joined = np.append(first[alike], first[i])
            first[np.isin(first, joined)] = joined.min()
    return first


def _close(value: np.uint64, others: np.ndarray) -> np.ndarray:
    """Positions of the hashes that differ from ``value`` in at most :data:`MOST_BITS` bits."""
    return np.flatnonzero(np.bitwise_count(others ^ value) <= MOST_BITS)


def _normalized(thumbnails: np.ndarray) -> np.ndarray:
    """Scale rows to mean 0 and length 1, so that their dot products are correlations. Constant rows become 0."""
    rows = thumbnails - thumbnails.mean(axis=1, keepdims=True, dtype=np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)
