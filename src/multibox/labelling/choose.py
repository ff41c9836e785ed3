"""Chooses images one by one: much doubt, unlike what is labelled or chosen already, and no near-duplicates."""

from typing import Final, NamedTuple

import numpy as np

from multibox.data.look_alikes import Looks, alike_to, find_alike

FLOOR: Final = 0.5
"""Doubt that is added to every image's, so that one in which nothing is seen is worth something too: it may hold
objects that the detector does not know."""

CHUNK: Final = 256
"""Number of labelled images that are compared at once."""


class Choice(NamedTuple):
    """An image that was chosen.

    Attributes:
        place: Position of the image.
        value: Value by which it was chosen: the doubt about it, times how new it was.
        distance: Distance of its colours to the nearest image that was labelled or chosen before, in CIELAB units.
            Infinite for the first image if nothing is labelled.
    """

    place: int
    value: float
    distance: float


def choose(
    doubt: np.ndarray, colours: np.ndarray, looks: Looks, count: int, nearest: np.ndarray, free: np.ndarray
) -> list[Choice]:
    """Choose images greedily.

    Each step takes the image with the largest ``(FLOOR + doubt) * d / (d + m)``, where d is the distance to the nearest
    image that is labelled or chosen, and m the median distance between images. Taking what is farthest from all that is
    known is the greedy k-center of Sener and Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set
    Approach", arXiv 1708.00489, algorithm 1. Here doubt weights it.

    Args:
        doubt: ``(N,)`` doubt about each image.
        colours: ``(N, D)`` colours that describe each image.
        looks: Hashes and thumbnails of the N images, by which near-duplicates are recognised.
        count: Largest number of images to choose.
        nearest: ``(N,)`` distance of each image to the nearest labelled one. Infinite if nothing is labelled.
        free: ``(N,)`` bool, whether an image may be chosen.

    Returns:
        The chosen images, the first the most valuable. Fewer than ``count`` if too few are free and no near-duplicates.
    """
    rows = colours.astype(np.float32)
    middle = median_distance(rows)
    nearest, free = nearest.copy(), free.copy()
    chosen: list[Choice] = []
    for _ in range(count):
        values = np.where(free, (FLOOR + doubt) * newness(nearest, middle), -1)
        best = int(values.argmax()) if len(values) else 0
        if not len(values) or not free[best]:
            break
        chosen.append(Choice(best, float(values[best]), float(nearest[best])))
        free[best] = False
        free[alike_to(looks, best)] = False
        nearest = np.minimum(nearest, distances(rows, rows[best]))
    return chosen


def newness(distance: np.ndarray, middle: float) -> np.ndarray:
    """How new images are: ``d / (d + m)`` in [0, 1], which is 1/2 at the median distance m, and 1 if d is infinite.

    It is 1 too if all images are the same, so that doubt alone decides.
    """
    return 1 / (1 + middle / np.maximum(distance, 1e-9))


def distances(rows: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Root mean square differences between the descriptions ``(N, D)`` of images and that of one, ``(D,)``."""
    return np.sqrt(np.square(rows - row).mean(axis=1))


def nearest_distances(colours: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distance of each image to the nearest of other images.

    Args:
        colours: ``(N, D)`` descriptions of images.
        others: ``(M, D)`` descriptions of the other images.

    Returns:
        ``(N,)`` root mean square differences. Infinite if there are no other images.
    """
    rows, known = colours.astype(np.float32), others.astype(np.float32)
    least = np.full(len(rows), np.inf, np.float32)
    for start in range(0, len(known), CHUNK):
        some = known[start : start + CHUNK]
        squares = (rows**2).sum(axis=1)[:, None] + (some**2).sum(axis=1) - 2 * rows @ some.T  # (N, CHUNK)
        least = np.minimum(least, squares.min(axis=1))
    return np.sqrt(least.clip(0) / max(1, rows.shape[1]))


def median_distance(rows: np.ndarray) -> float:
    """Median distance between images, over up to 1000 pairs that are the same each time."""
    if len(rows) < 2:
        return 1.0
    pairs = np.random.default_rng(0).integers(0, len(rows), (1000, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return float(np.median(np.sqrt(np.square(rows[pairs[:, 0]] - rows[pairs[:, 1]]).mean(axis=1))))


def is_unlabelled(looks: Looks, labelled: Looks) -> np.ndarray:
    """Whether each of N images looks like none of the labelled ones: ``(N,)`` bool."""
    found = np.ones(len(looks.hashes), np.bool_)
    found[list(find_alike(looks, labelled))] = False
    return found
