"""Distort: other light, other cameras (SSD section 3.6; Caffe's ``ApplyDistort``).

The authors distort the whole image before they crop it. Doing it last, on the few pixels that the network sees, costs a
fraction and teaches the same; only the fill beyond the image then changes colour too.
"""

import cv2
import numpy as np

from multibox.config import Distort

LEVELS = np.arange(256, dtype=np.float32)


def distort(image: np.ndarray, rng: np.random.Generator, config: Distort) -> np.ndarray:
    """Change brightness, contrast, saturation and hue, each or not, at random.

    Contrast comes before or after saturation and hue, by the toss of a coin. Every change is a table of 256 values, and
    changes in the same colour space share one, so at most two tables are looked up in.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        rng: the source of chance.
        config: how often and how much.

    Returns:
        ``(H, W, 3)`` uint8 RGB; the image itself where nothing changes.
    """
    change_brightness, change_contrast, change_saturation, change_hue = rng.random(4) < config.probability
    brightness = rng.uniform(-config.brightness, config.brightness) if change_brightness else 0.0
    contrast = rng.uniform(*config.contrast) if change_contrast else 1.0
    saturation = rng.uniform(*config.saturation) if change_saturation else 1.0
    hue = rng.uniform(-config.hue, config.hue) if change_hue else 0.0
    contrast_first = rng.random() < 0.5

    if contrast_first:
        image = adjust_light(image, brightness, contrast)
        return adjust_color(image, saturation, hue)
    image = adjust_light(image, brightness, 1.0)
    image = adjust_color(image, saturation, hue)
    return adjust_light(image, 0.0, contrast)


def adjust_light(image: np.ndarray, brightness: float, contrast: float) -> np.ndarray:
    """Add ``brightness``, then multiply by ``contrast``; each result is cut off at 0 and 255.

    Args:
        image: ``(H, W, 3)`` uint8.
        brightness: levels, 0 for none.
        contrast: factor, 1 for none.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    if brightness == 0 and contrast == 1:
        return image
    return cv2.LUT(image, _levels(_levels(LEVELS + brightness) * np.float32(contrast)))


def adjust_color(image: np.ndarray, saturation: float, hue: float) -> np.ndarray:
    """Multiply the saturation and turn the hue.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        saturation: factor, 1 for none; the result is cut off at 255.
        hue: half-degrees (OpenCV's scale of 0 to 179, on which it wraps round), 0 for none.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    if saturation == 1 and hue == 0:
        return image
    table = np.stack([np.round(LEVELS + hue) % 180, _levels(LEVELS * saturation), LEVELS], axis=-1)
    hsv = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), table.astype(np.uint8)[None])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _levels(values: np.ndarray) -> np.ndarray:
    return values.round().clip(0, 255).astype(np.uint8)
