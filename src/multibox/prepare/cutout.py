"""Cutout: a few holes in the picture, as if something stood in front (arXiv 1708.04552).

The authors, who classify, fill one square with the mean. Here it is a few rectangles, and objects lie under them. Of
one that is mostly hidden too little can be seen to ask for it, and too much to call it background: it is ignored, as a
crowd is.
"""

from dataclasses import replace

import numpy as np

from multibox import boxes as box
from multibox.config import Cutout
from multibox.data.record import Objects
from multibox.prepare.render import MEAN_RGB
from multibox.prepare.window import from_window, whole


def draw_holes(rng: np.random.Generator, config: Cutout, size: tuple[int, int]) -> np.ndarray:
    """Choose the holes. Their centres lie anywhere in the picture, so a hole may be cut off at its edge.

    Args:
        rng: the source of chance.
        config: how often, how many and how large.
        size: height and width of the picture, pixels.

    Returns:
        ``(K, 4)`` int64 ``x0, y0, x1, y1``, whole pixels within the picture; K is 0 where nothing is to change.
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

    An object that is mostly in them is marked as a crowd: priors on it are neither positive nor mined as negatives.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        objects_rel: what is in it, N of them, relative to it.
        holes: ``(K, 4)`` int64 as :func:`draw_holes` gives them.
        hidden: from more than which share of its area in holes an object is ignored.

    Returns:
        ``(H, W, 3)`` uint8 RGB, and the same N objects; the picture itself where there are no holes.
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

    The edges of all holes cut the plane into cells, each of which is wholly in a hole or wholly not. Cells do not
    overlap, so what a box shares with those in holes can be added up, which what it shares with the holes cannot.

    Args:
        boxes: ``(N, 4)`` float64 pixels.
        holes: ``(K, 4)`` pixels; they may overlap.

    Returns:
        ``(N,)`` in [0, 1], exact but for rounding; 0 for a box without an area.
    """
    x, y = np.unique(holes[:, 0::2]), np.unique(holes[:, 1::2])
    x0, y0 = (low.ravel() for low in np.meshgrid(x[:-1], y[:-1]))
    x1, y1 = (high.ravel() for high in np.meshgrid(x[1:], y[1:]))
    cells = np.stack([x0, y0, x1, y1], axis=1)
    in_hole = box.intersections(cells, holes).any(axis=1)
    shared = box.intersections(boxes, cells[in_hole]).sum(axis=1)
    return (shared / np.maximum(box.areas(boxes), np.finfo(np.float32).tiny)).clip(max=1)
