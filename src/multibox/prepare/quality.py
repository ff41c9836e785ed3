"""Quality: worse lenses, worse sensors, harsher processing. Pixels change; what is in the picture, and where, does not.

The three are among the corruptions that detectors are known to suffer from (Michaelis et al., "Benchmarking Robustness
in Object Detection", arXiv 1907.07484) or, CLAHE, among what cameras do about them (Zuiderveld, "Contrast Limited
Adaptive Histogram Equalization", Graphics Gems IV, 1994).
"""

import cv2
import numpy as np

from multibox.config import Augment

TILES = (8, 8)
"""Into how many parts, each with a histogram of its own, CLAHE divides height and width."""


def degrade(image: np.ndarray, rng: np.random.Generator, config: Augment) -> np.ndarray:
    """Blur, add noise, and equalise contrast, each or not, at random.

    The order is a camera's: the lens blurs, the sensor adds noise, the processing raises the contrast of both.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        rng: the source of chance.
        config: how often and how much, in ``blur``, ``noise`` and ``clahe``.

    Returns:
        ``(H, W, 3)`` uint8 RGB; the image itself where nothing changes.
    """
    steps = config.blur, config.noise, config.clahe
    with_blur, with_noise, with_clahe = rng.random(3) < [step.probability for step in steps]
    if with_blur:
        image = blur(image, rng.uniform(*config.blur.sigma))
    if with_noise:
        image = noise(image, rng, rng.uniform(*config.noise.sigma))
    if with_clahe:
        image = clahe(image, rng.uniform(*config.clahe.clip))
    return image


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Spread every point over its neighbours.

    Args:
        image: ``(H, W, 3)`` uint8.
        sigma: of the Gaussian, pixels, above 0.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    return cv2.GaussianBlur(image, (0, 0), sigma)


def noise(image: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Add normal noise to every value, each its own; the results are rounded and cut off at 0 and 255.

    Args:
        image: ``(H, W, 3)`` uint8.
        rng: the source of chance.
        sigma: standard deviation, levels.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    grain = rng.standard_normal(image.shape, np.float32) * np.float32(sigma)
    return cv2.add(image, grain, dtype=cv2.CV_8U)


def clahe(image: np.ndarray, clip: float) -> np.ndarray:
    """Equalise contrast in each part of the picture, without letting it rise too far where there is none.

    It works on the lightness of CIE L*a*b*, so colours keep their hue.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        clip: how many times a level may be as frequent as the average one, above 0.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clip, TILES).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
