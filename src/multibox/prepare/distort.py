"""Distort: random changes of brightness, contrast, saturation and hue (SSD section 3.6; Caffe's ``ApplyDistort``).

The authors distort the whole image before they crop it. Here only the pixels that the network sees are distorted,
before or after the resize, wherever there are fewer of them. The network learns the same for a fraction of the cost.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from multibox.config import Distort

HUES = np.arange(256, dtype=np.float32)


@dataclass(frozen=True)
class Colors:
    """A random change of brightness, contrast, saturation and hue.

    Attributes:
        brightness: Number to add to all pixel values, which are from 0 to 255. 0 for no change.
        contrast: Factor of all pixel values. 1 for no change.
        saturation: Factor of the saturation; 1 for no change.
        hue: Shift of the hue in OpenCV's units of 2 degrees, on a circular scale from 0 to 179. 0 for no change.
        contrast_first: Whether contrast changes before saturation and hue (True) or after them (False).
    """

    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    contrast_first: bool = True


AS_PHOTOGRAPHED: Final = Colors()
"""The change that leaves an image as it was."""


def draw_colors(rng: np.random.Generator, config: Distort) -> Colors:
    """Draw a change of brightness, contrast, saturation and hue.

    Each of the four is applied with the configured probability.

    Args:
        rng: Random generator.
        config: Probability of each change, and range of its strength.

    Returns:
        The drawn change. Whether contrast comes before or after saturation and hue is random too.
    """
    change_brightness, change_contrast, change_saturation, change_hue = rng.random(4) < config.probability
    return Colors(
        brightness=rng.uniform(-config.brightness, config.brightness) if change_brightness else 0.0,
        contrast=rng.uniform(*config.contrast) if change_contrast else 1.0,
        saturation=rng.uniform(*config.saturation) if change_saturation else 1.0,
        hue=rng.uniform(-config.hue, config.hue) if change_hue else 0.0,
        contrast_first=bool(rng.random() < 0.5),
    )


def distort(image: np.ndarray, colors: Colors) -> np.ndarray:
    """Change brightness, contrast, saturation and hue.

    All arithmetic is done on bytes, with OpenCV functions that round and that clip at 0 and 255.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        colors: Changes to make, as :func:`draw_colors` returns them.

    Returns:
        ``(H, W, 3)`` uint8 RGB, or the image itself if nothing changes.
    """
    if colors.contrast_first:
        image = adjust_light(image, colors.brightness, colors.contrast)
        return adjust_color(image, colors.saturation, colors.hue)
    image = adjust_light(image, colors.brightness, 1.0)
    image = adjust_color(image, colors.saturation, colors.hue)
    return adjust_light(image, 0.0, colors.contrast)


def adjust_light(image: np.ndarray, brightness: float, contrast: float) -> np.ndarray:
    """Add ``brightness``, then multiply by ``contrast``. Each result is clipped at 0 and 255.

    Args:
        image: ``(H, W, 3)`` uint8.
        brightness: Number to add to each pixel value, rounded to an integer. 0 for no change.
        contrast: Factor of all pixel values. 1 for no change.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    levels = round(abs(brightness))
    if levels:
        change = cv2.add if brightness > 0 else cv2.subtract
        image = change(image, (levels, levels, levels, 0))
    return image if contrast == 1 else cv2.convertScaleAbs(image, alpha=contrast)


def adjust_color(image: np.ndarray, saturation: float, hue: float) -> np.ndarray:
    """Multiply the saturation and shift the hue.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        saturation: Factor of the saturation; 1 for no change. The result is clipped at 255.
        hue: Shift of the hue in OpenCV's units of 2 degrees, on a circular scale from 0 to 179. 0 for no change.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    if saturation == 1 and hue == 0:
        return image
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    if hue != 0:
        turned = (np.round(HUES + hue) % 180).astype(np.uint8)
        cv2.insertChannel(cv2.LUT(cv2.extractChannel(hsv, 0), turned), hsv, 0)
    if saturation != 1:
        cv2.insertChannel(cv2.convertScaleAbs(cv2.extractChannel(hsv, 1), alpha=saturation), hsv, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
