"""Mixup: a blend of two images (arXiv 1710.09412; for detection, arXiv 1902.04103).

For detection the images are blended and their objects united. The authors of the second paper weight each object's loss
by how visible it is. Here all objects count alike, so the weight is drawn near one half, where both images are visible.
"""

import cv2
import numpy as np

from multibox.config import Mixup
from multibox.data.record import Objects, join_objects


def draw_weight(rng: np.random.Generator, config: Mixup) -> float:
    """Draw the weight of the first image.

    The caller draws whether two images are mixed at all, because it must fetch the second image.

    Args:
        rng: Random generator.
        config: Configuration of mixup, with ``alpha`` of Beta(alpha, alpha). The mean of the weight is 1/2 and the
            standard deviation 1 / (2 sqrt(2 alpha + 1)): 0.12 for alpha = 8.

    Returns:
        Weight of the first image, in [0, 1].
    """
    return float(rng.beta(config.alpha, config.alpha))


def mixup(
    first: tuple[np.ndarray, Objects], second: tuple[np.ndarray, Objects], weight: float
) -> tuple[np.ndarray, Objects]:
    """Blend two images and unite their objects.

    Args:
        first: Image ``(H, W, 3)`` uint8 RGB, and its objects, their boxes relative to the image.
        second: Image ``(H, W, 3)`` uint8 RGB of the same size, and its objects, their boxes relative to the image.
        weight: Weight of the first image, in [0, 1]. The second image has the weight ``1 - weight``.

    Returns:
        The blended image, ``(H, W, 3)`` uint8 RGB, and the objects of the first image, then those of the second.
    """
    image = cv2.addWeighted(first[0], weight, second[0], 1 - weight, 0)
    return image, join_objects([first[1], second[1]])
