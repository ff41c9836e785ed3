"""Backgrounds of the rendered sample: surfaces, and clutter that belongs to no class."""

from collections.abc import Callable
from math import cos, pi, sin

import cv2
import numpy as np

Generator = np.random.Generator


def draw_backdrop(height: int, width: int, rng: Generator) -> np.ndarray:
    """Draw a textured surface with clutter on it.

    Args:
        height: Height in pixels.
        width: Width in pixels.
        rng: Random generator of the surface and the clutter.

    Returns:
        ``(height, width, 3)`` float32 RGB, about 0 to 255.
    """
    surface = SURFACES[rng.integers(len(SURFACES))]
    image = surface(height, width, rng)
    for _ in range(rng.integers(3, 14)):
        _clutter(image, rng)
    return image


def clouds(height: int, width: int, rng: Generator, cells: int = 3, octaves: int = 5) -> np.ndarray:
    """Draw noise that sums several spatial scales: ``(height, width)`` float32 with mean 0 and standard deviation 1."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        size = cells * 2**octave
        grid = rng.normal(0, 1, (size, size)).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return (total - total.mean()) / (total.std() + 1e-6)


def stone(height: int, width: int, rng: Generator) -> np.ndarray:
    """Draw stone: cloudy noise between two colours."""
    low, high = muted_colour(rng), muted_colour(rng)
    share = 1 / (1 + np.exp(-1.5 * clouds(height, width, rng, int(rng.integers(2, 6)))))
    return _mix(low, high, share) + 5 * rng.normal(0, 1, (height, width, 1)).astype(np.float32)


def boards(height: int, width: int, rng: Generator) -> np.ndarray:
    """Draw wood: boards with a grain along them."""
    colour, planks = muted_colour(rng), int(rng.integers(3, 9))
    grain = cv2.resize(rng.normal(0, 1, (height, 6)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    which = (np.arange(height) * planks // height).clip(0, planks - 1)
    tone = rng.uniform(0.8, 1.15, planks)[which]
    tone[np.flatnonzero(np.diff(which, prepend=0))] = 0.45
    image = colour * (tone[:, None] * (1 + 0.07 * grain))[..., None]
    image = np.ascontiguousarray(image.astype(np.float32))
    return cv2.resize(cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE), (width, height)) if rng.random() < 0.5 else image


def tiles(height: int, width: int, rng: Generator) -> np.ndarray:
    """Draw tiles: a rotated grid of two colours with joints between the tiles."""
    low, high, joint = muted_colour(rng), muted_colour(rng), muted_colour(rng)
    side, angle = rng.uniform(0.08, 0.3) * width, rng.uniform(0, pi)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = (x * cos(angle) + y * sin(angle)) / side, (y * cos(angle) - x * sin(angle)) / side
    image = _mix(low, high, ((np.floor(u) + np.floor(v)) % 2).astype(np.float32))
    gap = (np.minimum(u % 1, v % 1) < 0.05)[..., None]
    image = np.where(gap, joint, image) * (1 + 0.06 * clouds(height, width, rng))[..., None]
    return image.astype(np.float32)


def cloth(height: int, width: int, rng: Generator) -> np.ndarray:
    """Draw cloth: soft, wavy stripes."""
    low, high = muted_colour(rng), muted_colour(rng)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle, length = rng.uniform(0, pi), rng.uniform(0.02, 0.15) * width
    wave = (x * cos(angle) + y * sin(angle)) / length + 0.8 * clouds(height, width, rng, 2, 2)
    weave = 4 * ((x + y) % 3 - 1)
    return _mix(low, high, 0.5 + 0.5 * np.sin(wave)) + weave[..., None]


def grass(height: int, width: int, rng: Generator) -> np.ndarray:
    """Draw grass: thousands of short strokes, the blades."""
    colour = muted_colour(rng)
    image = stone(height, width, rng) * 0.4 + colour * 0.6
    starts = rng.uniform((0, 0), (width, height), (height * width // 150, 2))
    ends = starts + rng.normal((0, -0.03 * height), 0.015 * height, starts.shape)
    shades = rng.uniform(0.6, 1.35, len(starts))
    for start, end, shade in zip(starts.astype(int).tolist(), ends.astype(int).tolist(), shades.tolist(), strict=True):
        cv2.line(image, start, end, tuple(float(value) for value in colour * shade), 1, cv2.LINE_AA)
    return image


SURFACES: tuple[Callable[[int, int, Generator], np.ndarray], ...] = (stone, boards, tiles, cloth, grass)


def muted_colour(rng: Generator) -> np.ndarray:
    """Draw the colour of a surface: ``(3,)`` float32 RGB, 0 to 255."""
    hsv = np.array([[[rng.uniform(0, 360), rng.uniform(0.05, 0.5), rng.uniform(0.25, 0.9)]]], np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0] * 255


def _mix(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    return (low + (high - low) * share[..., None]).astype(np.float32)


def _clutter(image: np.ndarray, rng: Generator) -> None:
    """Draw a stick, a plate, a ring or a shard into the image: shapes that belong to no class."""
    height, width = image.shape[:2]
    center = rng.uniform((0, 0), (width, height))
    reach = rng.uniform(0.03, 0.22) * min(height, width)
    colour = tuple(float(value) for value in muted_colour(rng))
    corners = rng.uniform(0, 2 * pi) + np.sort(rng.uniform(0, 2 * pi, 4))
    shard = (center + reach * np.stack([np.cos(corners), np.sin(corners)], axis=1)).astype(np.int32)
    middle = (int(center[0]), int(center[1]))
    axes = (int(reach * rng.uniform(0.5, 1)) + 1, int(reach * rng.uniform(0.5, 1)) + 1)
    angle = rng.uniform(0, 180)
    match rng.integers(4):
        case 0:
            cv2.line(image, middle, tuple(shard[0].tolist()), colour, int(rng.integers(1, 6)), cv2.LINE_AA)
        case 1:
            cv2.ellipse(image, middle, axes, angle, 0, 360, colour, -1, cv2.LINE_AA)
        case 2:
            cv2.ellipse(
                image, middle, axes, angle, 0, rng.uniform(120, 360), colour, int(rng.integers(2, 7)), cv2.LINE_AA
            )
        case _:
            cv2.fillPoly(image, [shard], colour, cv2.LINE_AA)
