"""Cutout: fills a few rectangles of the image, as if something stood in front of it (arXiv 1708.04552).

The authors, who classify images, fill one square with the mean. Here there are a few rectangles, and they can hide
objects. A mostly hidden object shows too little to demand a detection, and too much to be background. So it is ignored,
like a crowd.
"""

from dataclasses import replace

import numpy as np

from multibox import boxes as box
from multibox.config import Cutout
from multibox.data.record import Objects
from multibox.prepare.render import MEAN_RGB
from multibox.prepare.window import from_window, whole


def draw_holes(rng: np.random.Generator, config: Cutout, size: tuple[int, int]) -> np.ndarray:
    """Draw random holes. Their centres lie anywhere in the image, so the image's edge may cut off a part of a hole.

    Args:
        rng: Random generator.
        config: Probability of holes, their largest number, and the range of their sides.
        size: Height and width of the image, pixels.

    Returns:
        ``(K, 4)`` int64 corners ``x0, y0, x1, y1`` of the holes, whole pixels within the image. K is 0 if there are no
        holes.
    """
    if rng.random() >= config.probability:
        return np.zeros((0, 4), np.int64)
    count = int(rng.integers(1, config.holes + 1))
    sides = rng.uniform(*config.side, (count, 2))
    middles = rng.random((count, 2))
    height, width = size
    corners = np.concatenate([middles - sides / 2, middles + sides / 2], axis=1) * (width, height, width, height)
    return box.clip(corners.round().astype(np.int64), width, height)


def cutout(image: np.ndarray, objects_rel: Objects, holes: np.ndarray, hidden: float) -> tuple[np.ndarray, Objects]:
    """Fill holes with the mean colour.

    An object that is mostly hidden is marked as a crowd: priors on it are neither positive nor mined as negatives.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        objects_rel: N objects, their boxes relative to the image.
        holes: ``(K, 4)`` int64 corners x0, y0, x1, y1 of the holes in pixels, as :func:`draw_holes` returns them.
        hidden: Share of an object's area in [0, 1]. If more than that lies in holes, the object is ignored.

    Returns:
        ``(H, W, 3)`` uint8 RGB with filled holes, and the same N objects, some of them marked as crowds. Without holes,
        the image itself is returned.
    """
    if len(holes) == 0:
        return image, objects_rel
    output = image.copy()
    for x0, y0, x1, y1 in holes:
        output[y0:y1, x0:x1] = MEAN_RGB
    boxes = from_window(objects_rel.boxes.astype(float), whole(image.shape[:2]))
    return output, replace(objects_rel, crowd=objects_rel.crowd | (covered(boxes, holes) > hidden))


def covered(boxes: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Share of each box's area that lies in any of the holes.

    Holes may overlap, so the areas that a box shares with them cannot simply be added. But the edges of all holes cut
    the plane into cells, each of which lies either inside or outside the holes. Cells do not overlap, so the areas that
    a box shares with the inner cells can be added.

    Args:
        boxes: ``(N, 4)`` float64 corners x0, y0, x1, y1, pixels.
        holes: ``(K, 4)`` corners x0, y0, x1, y1 of the holes, pixels.

    Returns:
        ``(N,)`` shares in [0, 1], exact except for rounding. The share is 0 for a box without an area.
    """
    x, y = np.unique(holes[:, 0::2]), np.unique(holes[:, 1::2])
    x0, y0 = (low.ravel() for low in np.meshgrid(x[:-1], y[:-1]))
    x1, y1 = (high.ravel() for high in np.meshgrid(x[1:], y[1:]))
    cells = np.stack([x0, y0, x1, y1], axis=1)
    in_hole = box.intersections(cells, holes).any(axis=1)
    shared = box.intersections(boxes, cells[in_hole]).sum(axis=1)
    return (shared / np.maximum(box.areas(boxes), np.finfo(np.float32).tiny)).clip(max=1)
