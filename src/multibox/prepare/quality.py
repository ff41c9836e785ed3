"""Augmentation of image quality: blur, noise and contrast equalisation.

Blur and noise are among the corruptions that detectors are known to suffer from (Michaelis et al., "Benchmarking
Robustness in Object Detection", arXiv 1907.07484). CLAHE is among the corrections that cameras apply (Zuiderveld,
"Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV, 1994).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from multibox.config import Augment

TILES = (8, 8)
"""Number of tiles along height and width. CLAHE computes a histogram for each tile."""


@dataclass(frozen=True, eq=False)
class Flaws:
    """Blur, noise and contrast change of one image. A field that is None makes no change.

    Attributes:
        blur: Standard deviation of the Gaussian blur, pixels. None for no blur.
        grain: ``(H, W, 3)`` float32 noise to add to the pixel values of 0 to 255. None for no noise.
        clip: Clip limit of the contrast equalisation, as :func:`clahe` takes it. None for no equalisation.
    """

    blur: float | None = None
    grain: np.ndarray | None = None
    clip: float | None = None


def draw_flaws(rng: np.random.Generator, config: Augment, size: tuple[int, int]) -> Flaws:
    """Draw blur, noise and CLAHE. Each of the three is applied with its configured probability.

    Args:
        rng: Random generator.
        config: Probabilities and ranges, in ``blur``, ``noise`` and ``clahe``.
        size: Height and width of the image, pixels.

    Returns:
        Blur, noise and contrast change to apply.
    """
    steps = config.blur, config.noise, config.clahe
    with_blur, with_noise, with_clahe = rng.random(3) < [step.probability for step in steps]
    return Flaws(
        blur=rng.uniform(*config.blur.sigma) if with_blur else None,
        grain=draw_grain(rng, rng.uniform(*config.noise.sigma), size) if with_noise else None,
        clip=rng.uniform(*config.clahe.clip) if with_clahe else None,
    )


def draw_grain(rng: np.random.Generator, sigma: float, size: tuple[int, int]) -> np.ndarray:
    """Draw normal noise, independently for every value of an image.

    Args:
        rng: Random generator.
        sigma: Standard deviation of the noise, for pixel values of 0 to 255.
        size: Height and width of the image, pixels.

    Returns:
        ``(*size, 3)`` float32 noise, for pixel values of 0 to 255.
    """
    return rng.standard_normal((*size, 3), np.float32) * np.float32(sigma)


def degrade(image: np.ndarray, flaws: Flaws) -> np.ndarray:
    """Blur, add noise and equalise contrast.

    The order is that of a camera: the lens blurs, the sensor adds noise, and the processing raises the contrast.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        flaws: Blur, noise and contrast change to apply.

    Returns:
        ``(H, W, 3)`` uint8 RGB, or the image itself if nothing changes.
    """
    if flaws.blur is not None:
        image = blur(image, flaws.blur)
    if flaws.grain is not None:
        image = add_grain(image, flaws.grain)
    if flaws.clip is not None:
        image = clahe(image, flaws.clip)
    return image


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur an image with a Gaussian.

    Args:
        image: ``(H, W, 3)`` uint8.
        sigma: Standard deviation of the Gaussian, pixels, above 0.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    return cv2.GaussianBlur(image, (0, 0), sigma)


def add_grain(image: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """Add noise to every value. The results are rounded, and clipped at 0 and 255.

    Args:
        image: ``(H, W, 3)`` uint8.
        grain: ``(H, W, 3)`` float32 noise to add to the pixel values of 0 to 255.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    return cv2.add(image, grain, dtype=cv2.CV_8U)


def clahe(image: np.ndarray, clip: float) -> np.ndarray:
    """Equalise the contrast in each tile of the image, with a limit on how far contrast is raised (CLAHE).

    Only the lightness in CIE L*a*b* changes, so colours keep their hue.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        clip: Clip limit of a tile's histogram, as a multiple of its mean, above 0.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clip, TILES).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
