"""Mixup: two pictures, one shining through the other (arXiv 1710.09412; of detection, arXiv 1902.04103).

For detection the pictures are blended and their objects united. The authors of the second weigh each object's loss by
how well it shows. Here all objects count alike, so the weight is drawn near one half, where both pictures can be seen.
"""

import cv2
import numpy as np

from multibox.config import Mixup
from multibox.data.record import Objects, join_objects


def draw_weight(rng: np.random.Generator, config: Mixup) -> float:
    """How much of the first picture is to be seen.

    Whether anything is mixed at all is for the caller to draw, who has to fetch the second image.

    Args:
        rng: the source of chance.
        config: alpha of Beta(alpha, alpha). The mean is 1/2 and the standard deviation 1 / (2 sqrt(2 alpha + 1)):
            0.12 where alpha is 8.

    Returns:
        the weight, in [0, 1].
    """
    return float(rng.beta(config.alpha, config.alpha))


def mixup(
    first: tuple[np.ndarray, Objects], second: tuple[np.ndarray, Objects], weight: float
) -> tuple[np.ndarray, Objects]:
    """Blend two pictures and unite their objects.

    Args:
        first: an image, ``(H, W, 3)`` uint8 RGB, and its objects, relative to it.
        second: another of the same size.
        weight: of the first, in [0, 1]; the second has the rest.

    Returns:
        ``(H, W, 3)`` uint8 RGB, each value rounded; the objects of the first, then those of the second.
    """
    image = cv2.addWeighted(first[0], weight, second[0], 1 - weight, 0)
    return image, join_objects([first[1], second[1]])
