"""Repeat-factor sampling (LVIS, arXiv 1908.03195, section 5.2): images with rare classes are trained on more often.

A class that is in a share f of the images has the repeat factor max(1, sqrt(t / f)), where t is the threshold
``data.balance``. The factor of an image is the largest of its classes.

LVIS rounds the factors at random in each epoch, so epochs differ in length. Here each pass is drawn by systematic
sampling. Each image comes as often as its factor says, rounded down or up, and every pass has the same length. So the
k-th image is a function of the seed and k alone.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from multibox.data.presence import Presence
from multibox.prepare.recent_passes import RecentPasses


def class_factors(images_of_class: np.ndarray, images: int, threshold: float) -> np.ndarray:
    """The repeat factor of each class.

    Args:
        images_of_class: ``(C,)`` number of images that show each class.
        images: Number of all images.
        threshold: Share of the images in (0, 1]. Classes that are in a smaller share of the images are repeated.

    Returns:
        ``(C,)`` float64 factors, at least 1. It is 1 for a class without images.
    """
    shown = np.where(images_of_class, images_of_class, np.inf)
    return np.maximum(1.0, np.sqrt(threshold * images / shown))


def repeat_factors(presence: Presence, threshold: float) -> np.ndarray:
    """The repeat factor of each image: the largest factor of the classes that it shows.

    Args:
        presence: The images, and the classes that each one shows.
        threshold: Share of the images in (0, 1]. Images with a class that is in a smaller share of the images are
            repeated.

    Returns:
        ``(N,)`` float64 factors, at least 1. It is 1 for an image without objects.
    """
    of_class = class_factors(presence.images_of_class, presence.images, threshold)
    factors = np.ones(presence.images)
    np.maximum.at(factors, presence.shown_in, of_class[presence.labels])
    return factors


def proposed_threshold(presence: Presence) -> float:
    """The threshold with which the most frequent class is the only one that is not repeated.

    It is the share of the images that show the most frequent class, with two significant digits. The factor of each
    class is then the square root of (images of the most frequent class / images of this class).
    """
    share = presence.images_of_class.max(initial=0) / max(1, presence.images)
    return float(f"{share:.2g}")


def systematic_sample(factors: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """Draw positions so that each comes in proportion to its factor, rounded down or up (systematic sampling).

    The factors lie on a line one after the other, in a random order. Points at equal distances choose among them.

    Args:
        factors: ``(N,)`` positive factors.
        length: Number of positions to draw.
        rng: Random generator.

    Returns:
        ``(length,)`` int64 positions in a random order. The expected number of times that position i is drawn is
        exactly ``length * factors[i] / factors.sum()``.
    """
    order = rng.permutation(len(factors))
    ends = np.cumsum(factors[order])
    points = (rng.random() + np.arange(length)) * (ends[-1] / length)
    chosen = np.minimum(np.searchsorted(ends, points, side="right"), len(factors) - 1)
    return rng.permutation(order[chosen])


@dataclass(frozen=True, eq=False)
class BalancedOrder:
    """An endless order of images in which each comes as often as its repeat factor says.

    Attributes:
        factors: ``(N,)`` repeat factors of the images.
        seed: Random seed of the order. Every pass has a random state that depends on the seed and the pass alone.
        first: Position of the first image.
    """

    factors: np.ndarray
    seed: int
    first: int = 0
    _passes: RecentPasses[np.ndarray] = field(default_factory=RecentPasses, init=False, repr=False)

    @cached_property
    def length(self) -> int:
        """Number of images in a pass."""
        return round(float(self.factors.sum()))

    def __call__(self, k: int) -> int:
        """Position of the k-th image, from 0."""
        number, place = divmod(int(k), self.length)
        return self.first + int(self._passes.get(number, self._draw)[place])

    def _draw(self, number: int) -> np.ndarray:
        return systematic_sample(self.factors, self.length, np.random.default_rng([self.seed, number]))
