"""The tiling of an image for training: which tile teaches which object.

The tiles of a pass lie side by side, and an object belongs to the tile in which its centre lies. So a pass teaches each
object once, as a pass over whole images does. An object that is larger than a tile belongs to the whole image, which is
one more example. From pass to pass the borders between the tiles move.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from multibox import boxes as box
from multibox.data.record import Objects
from multibox.prepare.tiles import Tiles, refuse_too_many
from multibox.prepare.window import Window, whole

SLACK = 0.25
"""Smallest range in which borders move, as a share of a tile's side."""


@dataclass(frozen=True)
class Tiling:
    """How an image is cut into training examples for one pass.

    Examples are numbered from 0: the tiles row by row, then the whole image. An image that fits into one tile has one
    example.

    Attributes:
        image_size: Height and width of the image, pixels.
        side: Height and width of a tile, pixels.
        counts: Number of rows and number of columns of tiles.
        shift: Pixels by which all borders are moved, up and to the left.
    """

    image_size: tuple[int, int]
    side: tuple[int, int]
    counts: tuple[int, int]
    shift: tuple[int, int] = (0, 0)

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return self.counts[0] * self.counts[1]

    @property
    def examples(self) -> int:
        """Number of examples: the tiles and the whole image, or one if the image fits into a tile."""
        return self.tiles + (self.tiles > 1)

    def shifted(self, shares: np.ndarray) -> "Tiling":
        """Move the borders.

        Args:
            shares: ``(2,)`` shares, in [0, 1), of the ranges in which borders can move up and to the left.
        """
        axes = zip(self.image_size, self.side, self.counts, shares.tolist(), strict=True)
        up, left = (_shift(length, side, count, share) for length, side, count, share in axes)
        return replace(self, shift=(up, left))

    def window(self, example: int) -> Window:
        """The rectangle of the image that an example shows. A tile at the image's edge is moved inside."""
        if example >= self.tiles or self.tiles == 1:
            return whole(self.image_size)
        places = divmod(example, self.counts[1])
        axes = zip(self.image_size, self.side, places, self.shift, strict=True)
        y0, x0 = (min(max(place * side - shift, 0), length - side) for length, side, place, shift in axes)
        return Window(x0, y0, x0 + self.side[1], y0 + self.side[0])

    def around(self, box: np.ndarray) -> Window:
        """The rectangle of a tile in whose middle an object lies, or the whole image if the object is larger.

        Args:
            box: ``(4,)`` corners x0, y0, x1, y1 of the object, pixels of the image.
        """
        if (box[3:1:-1] - box[1::-1] > self.side).any():
            return whole(self.image_size)
        starts = (box[1::-1] + box[3:1:-1] - self.side) / 2  # y, x
        y0, x0 = np.clip(starts, 0, np.array(self.image_size) - self.side).tolist()
        return Window(x0, y0, x0 + self.side[1], y0 + self.side[0])

    def homes(self, boxes: np.ndarray, shifts: np.ndarray | None = None) -> np.ndarray:
        """The example that each object belongs to.

        Args:
            boxes: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, pixels of the image.
            shifts: ``(S, 1, 2)`` shifts in the place of this tiling's own, all at once.

        Returns:
            ``(N,)`` int64 number of the tile that has the object's centre, or of the whole image for objects that are
            wider or higher than a tile. ``(S, N)`` with shifts.
        """
        shift = self.shift if shifts is None else shifts
        low, high = _ends(boxes)
        places = ((low + high) / 2 + shift) // self.side
        places = np.clip(places, 0, np.array(self.counts) - 1).astype(np.int64)
        fits = (high - low <= self.side).all(axis=1) | (self.tiles == 1)
        return np.where(fits, places[..., 0] * self.counts[1] + places[..., 1], self.tiles)

    def seen(self, boxes: np.ndarray, examples: np.ndarray, shifts: np.ndarray | None = None) -> np.ndarray:
        """The share of each object that an example shows.

        Args:
            boxes: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, pixels of the image.
            examples: ``(N,)`` an example for each object, or ``(S, N)`` with shifts.
            shifts: ``(S, 1, 2)`` shifts in the place of this tiling's own, all at once.

        Returns:
            Shares of the objects' areas, in [0, 1], for each of ``examples``.
        """
        shift = self.shift if shifts is None else shifts
        starts = np.stack(np.divmod(examples, self.counts[1]), axis=-1) * self.side - shift  # y, x
        starts = np.clip(starts, 0, np.array(self.image_size) - self.side)
        ends = starts + self.side
        is_whole = (examples >= self.tiles)[..., None]
        starts, ends = np.where(is_whole, 0, starts), np.where(is_whole, self.image_size, ends)
        low, high = _ends(boxes)
        shown = (np.minimum(high, ends) - np.maximum(low, starts)).clip(0)
        return shown.prod(axis=-1) / np.maximum((high - low).prod(axis=-1), np.finfo(np.float32).tiny)

    def teaches(self, objects: Objects, visible: float, shifts: np.ndarray | None = None) -> np.ndarray:
        """The example that teaches each object.

        Args:
            objects: N objects, their boxes in pixels of the image.
            visible: Smallest share of an object's area that the example must show.
            shifts: ``(S, 1, 2)`` shifts in the place of this tiling's own, all at once.

        Returns:
            ``(N,)`` int64 number of the example, or -1 for crowds and for objects of which too little is seen.
            ``(S, N)`` with shifts.
        """
        homes = self.homes(objects.boxes, shifts)
        enough = self.seen(objects.boxes, homes, shifts) >= visible
        return np.where(enough & ~objects.crowd, homes, -1)

    def show(self, example: int, objects: Objects, visible: float) -> Objects:
        """The objects that an example shows.

        Objects that the example does not teach become regions to ignore, as crowds are: their priors are neither
        positive nor negative.

        Args:
            example: Number of the example.
            objects: N objects of the image, their boxes in its pixels.
            visible: Smallest share of an object's area that an example must show to teach the object.

        Returns:
            At most N objects, their boxes in pixels of the example and clipped to it.
        """
        window = self.window(example)
        taught = self.teaches(objects, visible) == example
        origin = np.array([window.x0, window.y0] * 2, np.float32)
        clipped = box.clip(objects.boxes - origin, window.width, window.height)
        return replace(objects, boxes=clipped, crowd=~taught).keep(box.areas(clipped) > 0)


def tiling_of(image_size: tuple[int, int], tiles: Tiles) -> Tiling:
    """Cut an image into as few tiles as cover it and can be shifted.

    Args:
        image_size: Height and width of the image, pixels.
        tiles: Side of a tile. Their overlap is not used.

    Returns:
        The tiling, not shifted yet.

    Raises:
        BadInput: There would be too many tiles.
    """
    height, width = (min(tiles.side(image_size), length) for length in image_size)
    rows, columns = (
        1 if length <= side else math.ceil(length / side + SLACK)
        for length, side in zip(image_size, (height, width), strict=True)
    )
    refuse_too_many(rows, columns, image_size, "data.tiles")
    return Tiling(image_size, (height, width), (rows, columns))


def _ends(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The upper left and the lower right corners of boxes, each ``(N, 2)`` float64 as y, x.

    In float32, rounding would decide on objects of which exactly the smallest share, or all, is seen.
    """
    exact = boxes.astype(np.float64)
    return exact[:, 1::-1], exact[:, 3:1:-1]


def _shift(length: int, side: int, count: int, share: float) -> int:
    """Pixels to move the borders along an axis, so that the first and the last tile keep at least a pixel."""
    spare = count * side - length
    low, high = max(0, spare - side + 1), min(spare, side - 1)
    return low + int(share * (high - low + 1))
