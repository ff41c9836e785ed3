"""Huge images in tiles: each is looked at by itself, at its own resolution, and what they show is put together."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from multibox.boxes import areas
from multibox.errors import BadInput
from multibox.postprocess.nms import Selected
from multibox.prepare.window import Window, whole

EDGE: Final = 0.02
"""A box whose edge is nearer to a tile's border than this share of the tile may go on beyond it."""

ROWS: Final = 256
"""Boxes compared with all that are near them at a time, so that memory stays bounded."""

MOST: Final = 10_000
"""Tiles of an image; who gets more did not mean the size that was given."""


@dataclass(frozen=True)
class Tiles:
    """How an image is cut.

    Attributes:
        size: of a square tile's side, pixels of the image; 0: by ``grid``.
        grid: rows and columns of tiles.
        overlap: the share of a tile that the next one shows too, at least.
    """

    size: int = 0
    grid: tuple[int, int] = (1, 1)
    overlap: float = 0.2

    @classmethod
    def parse(cls, text: str) -> "Tiles":
        """Read ``640``, a tile's side in pixels, or ``2x3``, rows and columns.

        Raises:
            BadInput: it is neither.
        """
        found = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", text.strip().lower())
        if not found:
            raise BadInput("tiles", f"{text}: give the pixels of a side, such as 640, or rows and columns, such as 2x3")
        first, second = found.groups()
        return cls(grid=(int(first), int(second))) if second else cls(size=int(first))

    def regions(self, image_size: tuple[int, int]) -> list[Window]:
        """The parts to look at: all of the image first, for what is larger than a tile, then the tiles.

        Args:
            image_size: height and width, pixels.

        Returns:
            windows within the image; the image alone, where a tile would hold it.

        Raises:
            BadInput: there are more than :data:`MOST`.
        """
        rows, columns = (self._spans(length, count) for length, count in zip(image_size, self.grid, strict=True))
        if len(rows) == len(columns) == 1:
            return [whole(image_size)]
        if len(rows) * len(columns) > MOST:
            height, width = image_size
            raise BadInput("tiles", f"{len(rows)}x{len(columns)} for an image of {width} x {height}; take larger ones")
        return [whole(image_size), *(Window(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns)]

    def _spans(self, length: int, count: int) -> list[tuple[float, float]]:
        """Equal spans that cover an axis, in whole pixels."""
        if self.size:
            side = min(self.size, length)
            count = max(1, math.ceil((length - self.overlap * side) / ((1 - self.overlap) * side) - 1e-9))
        else:
            side = math.ceil(length / (count - (count - 1) * self.overlap))
        starts = np.linspace(0, length - side, min(count, length)).round().tolist()
        return [(start, start + side) for start in starts]


def put_together(parts: Sequence[Selected], regions: Sequence[Window], same: float, agnostic: bool = False) -> Selected:
    """One list of detections from those of all regions.

    Two boxes from two regions show one object if they agree about what both regions see: cut off at the regions' common
    part, their IoU is above ``same``. Neither IoU nor the share of the smaller box alone can tell, where a border cuts
    an object: the piece that one tile sees may overlap the other's piece, or the whole, by any amount.

    Boxes that no inner border cuts go first, from the best down, and remove what shows the same. The pieces that are
    left, of objects that no region holds, are joined: the box around them, with the best score.

    Args:
        parts: what each region shows, in pixels of the image.
        regions: the regions, within the image; the first is all of it.
        same: the IoU above which boxes show one object.
        agnostic: whether boxes of different classes may show one object too.

    Returns:
        the detections, the best first.
    """
    boxes, scores, labels = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    source = np.repeat(np.arange(len(parts)), [len(part.scores) for part in parts])
    edges = np.array([(r.x0, r.y0, r.x1, r.y1) for r in regions], np.float32)[source].reshape(-1, 4)
    cut = _is_cut(boxes, edges, regions[0])
    order = np.lexsort((-scores, cut))  # whole boxes first
    found, source, edges, cut = Selected(boxes, scores, labels).keep(order), source[order], edges[order], cut[order]
    kinds = np.zeros_like(labels) if agnostic else found.labels
    first, second = _pairs(found.boxes, edges, kinds, source, same)

    stays = _greedy(len(order), first[~cut[first]], second[~cut[first]])
    joined = cut & stays
    both = joined[first] & joined[second]
    piece = _connected(len(order), first[both], second[both])
    around = found.boxes.copy()
    np.minimum.at(around[:, :2], piece, found.boxes[:, :2])
    np.maximum.at(around[:, 2:], piece, found.boxes[:, 2:])
    first_of_each = piece == np.arange(len(order))  # the best of an object's pieces, as they are sorted
    return found._replace(boxes=around).keep(stays & first_of_each).best(len(order))


def _is_cut(boxes: np.ndarray, edges: np.ndarray, image: Window) -> np.ndarray:
    """``(N,)`` bool: which boxes reach a border of their region that is not the image's."""
    inner = edges != np.array([image.x0, image.y0, image.x1, image.y1], np.float32)
    extent = np.tile(edges[:, 2:] - edges[:, :2], 2)
    return (inner & (np.abs(boxes - edges) < EDGE * extent)).any(axis=1)


def _pairs(
    boxes: np.ndarray, edges: np.ndarray, kinds: np.ndarray, source: np.ndarray, same: float
) -> tuple[np.ndarray, np.ndarray]:
    """All pairs, as two lists of places, the smaller first, of boxes of two regions that show one object."""
    found = [np.zeros((2, 0), np.int64)]
    downwards = np.argsort(boxes[:, 1])
    for start in range(0, len(boxes), ROWS):
        rows = downwards[start : start + ROWS]
        near = np.flatnonzero((boxes[:, 1] < boxes[rows, 3].max()) & (boxes[:, 3] > boxes[rows, 1].min()))
        common = _cut_off(edges[rows, None], edges[near])  # (R, N, 4)
        a, b = _cut_off(boxes[rows, None], common), _cut_off(boxes[near], common)
        overlap = areas(_cut_off(a, b))
        agree = overlap > same * (areas(a) + areas(b) - overlap)
        agree &= (kinds[rows, None] == kinds[near]) & (source[rows, None] != source[near]) & (rows[:, None] < near)
        first, second = np.nonzero(agree)
        found.append(np.stack([rows[first], near[second]]))
    return tuple(np.concatenate(found, axis=1))


def _cut_off(boxes: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """What lies within limits, both ``(..., 4)``; inverted where nothing does."""
    return np.concatenate(
        [np.maximum(boxes[..., :2], limits[..., :2]), np.minimum(boxes[..., 2:], limits[..., 2:])], axis=-1
    )


def _greedy(count: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``(count,)`` bool: who stays, where each that stays removes, of each pair that it is the first of, the second.

    Settled as in :func:`multibox.postprocess.nms.settle`, over pairs.
    """
    stays = np.ones(count, np.bool_)
    while True:
        again = np.ones(count, np.bool_)
        again[second[stays[first]]] = False
        if np.array_equal(again, stays):
            return stays
        stays = again


def _connected(count: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``(count,)`` for each place the smallest that pairs connect it with."""
    root = np.arange(count)
    while True:
        again = root.copy()
        np.minimum.at(again, first, root[second])
        np.minimum.at(again, second, root[first])
        again = again[again]
        if np.array_equal(again, root):
            return root
        root = again
