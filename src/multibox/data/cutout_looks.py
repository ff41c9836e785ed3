"""How a cut-out looks where it is pasted: its size, pose, tone and edge."""

from math import ceil, cos, hypot, radians, sin

import cv2
import numpy as np

from multibox.data.cutouts import multiplied
from multibox.data.shapes import Cutout

Generator = np.random.Generator

SHARPEST, SOFTEST = 0.4, 2.0
"""Standard deviation of a blurred edge, pixels. Small objects get sharper edges than large ones."""


def pose(pixels: np.ndarray, side: float, turn: float, *, mirrored: bool) -> Cutout:
    """Scale, mirror and rotate a cut-out.

    Args:
        pixels: ``(H, W, 4)`` uint8 RGB and straight alpha.
        side: Longer side of the object before it is rotated, pixels.
        turn: Rotation in degrees, clockwise.
        mirrored: Whether left and right are swapped.

    Returns:
        The object, cropped to what is not transparent.
    """
    layers = multiplied(pixels[:, ::-1] if mirrored else pixels)
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    layers = cv2.resize(layers, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    if turn:
        layers = _rotated(layers, radians(turn))
    return Cutout(layers[..., :3] / np.maximum(layers[..., 3:], 1e-3), layers[..., 3])


def draw_edge(cutout: Cutout, rng: Generator) -> Cutout:
    """Blend the edge of an object in one of three ways: as it is, softened, or with the object out of focus.

    Several ways keep a detector from finding objects by how they were pasted (Dwibedi et al., "Cut, Paste and Learn",
    https://arxiv.org/abs/1708.01642).
    """
    way = rng.integers(3)
    if way == 0:
        return cutout
    most = float(np.clip(max(cutout.alpha.shape) / 100, SHARPEST, SOFTEST))
    return soften(cutout, rng.uniform(SHARPEST, most + 0.1), whole=bool(way == 2))


def draw_tone(cutout: Cutout, surface: np.ndarray, rng: Generator) -> Cutout:
    """Change the tone of an object: brightness partly towards that of the surface, contrast, and a slight cast.

    Args:
        cutout: The object.
        surface: ``(H, W, 3)`` float32 RGB of the image in the rectangle that the object will cover, 0 to 255.
        rng: Random generator of how far the tone changes.
    """
    weight = cutout.alpha[..., None] / max(float(cutout.alpha.sum()), 1e-3)
    mean = (cutout.colour * weight).sum(axis=(0, 1))
    light = float(np.clip((surface.mean() + 20) / (mean.mean() + 20), 0.3, 3.0)) ** rng.uniform(0, 0.4)
    gain = light * np.exp(rng.normal(0, 0.08) + rng.normal(0, 0.03, 3))
    contrast = rng.uniform(0.85, 1.15)
    toned = (cutout.colour * contrast + mean * (1 - contrast)) * gain
    return Cutout(toned.clip(0, 255).astype(np.float32), cutout.alpha)


def _rotated(layers: np.ndarray, turn: float) -> np.ndarray:
    """Rotate layers about their middle, and crop them to what is not transparent."""
    rows, columns = layers.shape[:2]
    side = ceil(hypot(rows, columns)) + 2
    rotation = np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]])
    shift = np.array([side, side]) / 2 - 0.5 - rotation @ (np.array([columns, rows]) / 2 - 0.5)
    turned = cv2.warpAffine(layers, np.column_stack([rotation, shift]), (side, side))
    there = turned[..., 3] > 1 / 255
    y, x = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return turned[y[0] : y[-1] + 1, x[0] : x[-1] + 1] if len(y) else layers


def soften(cutout: Cutout, sigma: float, *, whole: bool = False) -> Cutout:
    """Blur the edge of an object, so that it does not end at a line.

    The colours of the object are continued beyond its edge, so that no halo of another colour appears there.

    Args:
        cutout: The object.
        sigma: Standard deviation of the Gaussian, pixels.
        whole: Whether the object itself is blurred too, as if it were out of focus.

    Returns:
        The object with a margin around it.
    """
    margin = int(np.ceil(3 * sigma))
    alpha = cv2.copyMakeBorder(cutout.alpha, *(margin,) * 4, cv2.BORDER_CONSTANT)[..., None]
    colour = cv2.copyMakeBorder(cutout.colour, *(margin,) * 4, cv2.BORDER_CONSTANT)
    wide = cv2.GaussianBlur(np.dstack([colour * alpha, alpha]), (0, 0), sigma)
    continued = wide[..., :3] / np.maximum(wide[..., 3:], 1e-4)
    return Cutout(continued if whole else continued + alpha * (colour - continued), wide[..., 3])
