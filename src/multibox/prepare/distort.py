"""Distort: other light, other cameras (SSD section 3.6; Caffe's ``ApplyDistort``).

The authors distort the whole image before they crop it. ``render`` does it to what the network sees alone, before or
after the resize, wherever there are fewer pixels: it teaches the same for a fraction of the cost.
"""

import cv2
import numpy as np

from multibox.config import Distort

HUES = np.arange(256, dtype=np.float32)


def distort(image: np.ndarray, rng: np.random.Generator, config: Distort) -> np.ndarray:
    """Change brightness, contrast, saturation and hue, each or not, at random.

    Contrast comes before or after saturation and hue, by the toss of a coin. All is done in bytes, by functions of
    OpenCV that round and cut off at 0 and 255.

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
        brightness: levels, rounded to whole ones; 0 for none.
        contrast: factor, 1 for none.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    levels = round(abs(brightness))
    if levels:
        change = cv2.add if brightness > 0 else cv2.subtract
        image = change(image, (levels, levels, levels, 0))
    return image if contrast == 1 else cv2.convertScaleAbs(image, alpha=contrast)


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
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    if hue != 0:
        turned = (np.round(HUES + hue) % 180).astype(np.uint8)
        cv2.insertChannel(cv2.LUT(cv2.extractChannel(hsv, 0), turned), hsv, 0)
    if saturation != 1:
        cv2.insertChannel(cv2.convertScaleAbs(cv2.extractChannel(hsv, 1), alpha=saturation), hsv, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
