"""Merges the detections in the tiles of an image, so that each object is detected once."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from multibox.boxes import areas
from multibox.postprocess.joining import Joining, clip_each
from multibox.postprocess.nms import Selected
from multibox.prepare.window import Window

EDGE: Final = 0.02
"""Distance from a tile's border, as a share of the tile's side. A box with an edge nearer to the border counts as cut
off by the tile."""

WEAKER: Final = 0.5
"""Score of a complete box of a tile, as a share of a piece's score, below which the box does not replace the piece."""

ROWS: Final = 256
"""Number of boxes that are compared with all others at a time. A limit on the memory in use."""


def merge_tiles(parts: Sequence[Selected], regions: Sequence[Window], same: float, agnostic: bool = False) -> Selected:
    """Merge the detections in all regions (tiles and the whole image) of an image.

    Two boxes from two regions may show one object if their IoU, after both are clipped to the intersection of the
    regions, is above ``same``. The plain IoU would not do: if a border cuts an object, the piece in one tile may
    overlap the piece in another tile, or the whole object, by any amount.

    First, boxes that no tile border cuts remove other boxes of the same object, in order of descending score. A piece
    that is much surer than such a box in another tile stays. The boxes that remain are pieces of objects that no region
    holds entirely. :class:`Joining` joins those of one object: their bounding box gets the highest score.

    Args:
        parts: Detections in each region, with boxes in pixels of the image.
        regions: Rectangles of the regions in the image, in the order of ``parts``. The first is the whole image.
        same: IoU above which two boxes count as one object.
        agnostic: Whether boxes of different classes may belong to one object.

    Returns:
        Merged detections, the best first, with boxes in pixels of the image.
    """
    boxes, scores, labels = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    source = np.repeat(np.arange(len(parts)), [len(part.scores) for part in parts])
    edges = np.array([(r.x0, r.y0, r.x1, r.y1) for r in regions], np.float32)[source].reshape(-1, 4)
    sides = cut_sides(boxes, edges, regions[0])
    order = np.lexsort((-scores, sides.any(axis=1)))  # complete boxes first
    found, source, edges, sides = Selected(boxes, scores, labels).keep(order), source[order], edges[order], sides[order]
    kinds = np.zeros_like(labels) if agnostic else found.labels
    first, second = _pairs(found.boxes, edges, kinds, source, same)

    cut = np.logical_or.reduce(sides, axis=1)
    is_sure = (source[first] == 0) | ~cut[second] | (found.scores[first] >= WEAKER * found.scores[second])
    removes = ~cut[first] & is_sure
    stays = _greedy(len(order), first[removes], second[removes])
    joining = Joining(found, source, edges, sides, kinds, same)
    around, gone = joining.join(np.flatnonzero(cut & stays), np.flatnonzero(~cut & stays), first, second)
    return found._replace(boxes=around).keep(stays & ~gone).best(len(order))


def cut_sides(boxes: np.ndarray, edges: np.ndarray, image: Window) -> np.ndarray:
    """The sides at which tiles cut boxes off.

    Args:
        boxes: ``(N, 4)`` corners x0, y0, x1, y1, pixels of the image.
        edges: ``(N, 4)`` edges of the region in which each box was found.
        image: Rectangle of the whole image.

    Returns:
        ``(N, 4)`` bool, True for the sides (left, upper, right, lower) that reach a border of their region that is no
        border of the image.
    """
    inner = edges != np.array([image.x0, image.y0, image.x1, image.y1], np.float32)
    extent = np.tile(edges[:, 2:] - edges[:, :2], 2)
    return inner & (np.abs(boxes - edges) < EDGE * extent)


def _pairs(
    boxes: np.ndarray, edges: np.ndarray, kinds: np.ndarray, source: np.ndarray, same: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of boxes from two regions that belong to one object: two arrays of positions, the smaller first."""
    found = [np.zeros((2, 0), np.int64)]
    downwards = np.argsort(boxes[:, 1])
    for start in range(0, len(boxes), ROWS):
        rows = downwards[start : start + ROWS]
        near = np.flatnonzero((boxes[:, 1] < boxes[rows, 3].max()) & (boxes[:, 3] > boxes[rows, 1].min()))
        meet = (kinds[rows, None] == kinds[near]) & (source[rows, None] != source[near]) & (rows[:, None] < near)
        for axis in (0, 1):
            meet &= boxes[rows, None, axis] < boxes[near, axis + 2]
            meet &= boxes[rows, None, axis + 2] > boxes[near, axis]
        places, others = np.nonzero(meet)
        first, second = rows[places], near[others]
        common = clip_each(edges[first], edges[second])
        a, b = clip_each(boxes[first], common), clip_each(boxes[second], common)
        overlap = areas(clip_each(a, b))
        agree = overlap > same * (areas(a) + areas(b) - overlap)
        found.append(np.stack([first[agree], second[agree]]))
    return tuple(np.concatenate(found, axis=1))


def _greedy(count: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``(count,)`` bool, True for boxes that stay, if each that stays removes the second of its pairs.

    This is :func:`multibox.postprocess.nms.settle` over pairs.
    """
    stays = np.ones(count, np.bool_)
    while True:
        again = np.ones(count, np.bool_)
        again[second[stays[first]]] = False
        if np.array_equal(again, stays):
            return stays
        stays = again
