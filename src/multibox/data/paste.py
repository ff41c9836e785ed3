"""Objects that lie on an image: where they are placed, what of them is visible, and how they are drawn."""

from dataclasses import dataclass
from math import pi

import numpy as np

from multibox.data.shapes import Cutout, cast_shadow

Generator = np.random.Generator
Slices = tuple[slice, slice]  # rows, columns

OVERLAPPING = 0.25
"""Share of the objects that are placed on or beside another object on purpose."""

NOTICED = 0.02
"""Share of an object that must be missing before the object counts as hidden or cut."""


@dataclass(frozen=True)
class Thing:
    """An object in an image that was made.

    Attributes:
        name: Name of the object's class.
        whole: Number of pixels of the whole object, including hidden pixels and pixels beyond the image.
        mask: ``(H, W)`` bool, True where the object is visible.
        truncated: Whether the object reaches beyond the image.
        hidden: Number of pixels inside the image that other objects hide.
    """

    name: str
    whole: int
    mask: np.ndarray
    truncated: bool = False
    hidden: int = 0

    @property
    def occluded(self) -> bool:
        """Whether other objects together hide a part of this one."""
        return self.hidden > NOTICED * self.whole

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Edges ``x0, y0, x1, y1`` of the object's visible part, pixels."""
        columns, rows = np.flatnonzero(self.mask.any(axis=0)), np.flatnonzero(self.mask.any(axis=1))
        if not len(rows):
            return 0, 0, 0, 0
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    def behind(self, mask: np.ndarray) -> "Thing":
        """The same object with something in front of it that covers the pixels of ``mask``, ``(H, W)`` bool."""
        newly_hidden = int((self.mask & mask).sum())
        return Thing(self.name, self.whole, self.mask & ~mask, self.truncated, self.hidden + newly_hidden)


def draw_center(things: list[Thing], width: int, height: int, rng: Generator) -> np.ndarray:
    """Draw the centre ``x, y`` of a new object, in pixels: near the edge of another object, or anywhere."""
    if things and rng.random() < OVERLAPPING:
        x0, y0, x1, y1 = things[rng.integers(len(things))].box
        middle, half = np.array([x0 + x1, y0 + y1]) / 2, np.array([x1 - x0, y1 - y0]) / 2
        angle = rng.uniform(0, 2 * pi)
        return middle + rng.uniform(0.8, 1.3) * half * (np.cos(angle), np.sin(angle))
    return rng.uniform((0.08 * width, 0.08 * height), (0.92 * width, 0.92 * height))


def overlap(image: np.ndarray, window: np.ndarray, corner: tuple[int, int]) -> tuple[Slices, Slices]:
    """Rows and columns of the image that a window covers, and those of the window inside the image.

    Args:
        image: ``(H, W, ...)`` array.
        window: ``(h, w, ...)`` array.
        corner: Upper left pixel ``x, y`` of the window in the image.
    """
    spans = [
        (slice(max(0, first), max(0, min(limit, first + length))), slice(max(0, -first), max(0, limit - first)))
        for first, length, limit in zip(corner[::-1], window.shape[:2], image.shape[:2], strict=True)
    ]
    (rows, own_rows), (columns, own_columns) = spans
    return (rows, columns), (own_rows, own_columns)


def around(center: np.ndarray, window: np.ndarray) -> tuple[int, int]:
    """Upper left pixel ``x, y`` of a window, ``(h, w, ...)``, whose middle is nearest to a point ``x, y``."""
    height, width = window.shape[:2]
    return round(float(center[0]) - width / 2), round(float(center[1]) - height / 2)


def solid(alpha: np.ndarray) -> np.ndarray:
    """Pixels that belong to an object, ``(H, W)`` bool: those with more than half of its largest opacity.

    So an object of glass has a box too.
    """
    return alpha > 0.5 * alpha.max(initial=0)


def visible_mask(image: np.ndarray, cutout: Cutout, center: np.ndarray) -> np.ndarray:
    """Pixels of an image that an object would cover, ``(H, W)`` bool."""
    there, here = overlap(image, cutout.alpha, around(center, cutout.alpha))
    mask = np.zeros(image.shape[:2], np.bool_)
    mask[there] = solid(cutout.alpha)[here]
    return mask


def paste(image: np.ndarray, cutout: Cutout, center: np.ndarray) -> None:
    """Draw an object into ``image``, ``(H, W, 3)`` float32."""
    there, here = overlap(image, cutout.alpha, around(center, cutout.alpha))
    alpha = cutout.alpha[here][..., None]
    image[there] += alpha * (cutout.colour[here] - image[there])


def paste_shadow(image: np.ndarray, cutout: Cutout, center: np.ndarray, light: float, darkness: float) -> None:
    """Draw the soft shadow of an object into ``image``, ``(H, W, 3)`` float32.

    Args:
        image: Image to draw into, in place.
        cutout: The object.
        center: Centre ``x, y`` of the object, pixels.
        light: Direction of the light, radians.
        darkness: Share of the light that the darkest part of the shadow lacks.
    """
    soft, reach = cast_shadow(cutout)
    there, here = overlap(image, soft, around(center - reach * np.array([np.cos(light), np.sin(light)]), soft))
    image[there] *= 1 - darkness * soft[here][..., None]
