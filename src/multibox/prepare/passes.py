"""Passes over the tiles of many images: which tile comes when.

A pass has every tile that teaches an object once, and a share of the tiles that teach none. Decoding a large image
takes longer than preparing one of its tiles, so tiles of one image come near each other. The tiles of an image are cut
into groups, and the groups of all images are shuffled. A few groups form a shelf. Within a shelf, tiles come in short
runs of one image, in random order. So a process that keeps the images of a shelf decodes each of them once a group. A
process that makes every n-th batch decodes it at most once a run.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from multibox.data.record import Objects
from multibox.prepare.recent_passes import RecentPasses
from multibox.prepare.tiling import Tiling

SHIFTS = 8
"""Number of shifts of each image's tiles. Passes use them in turn."""

DECODED_FOR_EACH = 750_000
"""Number of pixels that may be decoded for each example. It decides how many tiles a group has."""

SHELF_PIXELS = 90_000_000
"""Number of pixels of all images of a shelf together, which are kept decoded: 270 MB. A larger image has its own."""

RUNS = 4
"""Number of runs that a group is cut into."""


@dataclass(frozen=True)
class Place:
    """An example in a pass.

    Attributes:
        record: Position of the image.
        shift: Number of the shift of the image's tiles, from 0 to :data:`SHIFTS` - 1.
        example: Number of the tile, as :class:`~multibox.prepare.tiling.Tiling` counts them.
    """

    record: int
    shift: int
    example: int


Order = tuple[np.ndarray, np.ndarray]
"""The examples of a pass, counted over all images, in their order. And the positions at which shelves begin, and at
which the last one ends."""


class Passes:
    """The endless order of the tiles of some images. It depends on its arguments alone.

    Args:
        tilings: How each image is cut, not shifted.
        objects: Objects to learn of each image, crowds included, their boxes in pixels of the image.
        visible: Smallest share of an object's area that a tile must show to teach it.
        empty: Share of the examples that teach no object, in [0, 1). It is smaller if there are not so many. If no
            example teaches an object, it has no effect, and a pass has all examples.
        seed: Numbers that decide everything random.

    Attributes:
        teaches: Whether any example teaches an object.
    """

    def __init__(
        self,
        tilings: Sequence[Tiling],
        objects: Sequence[Objects],
        visible: float,
        empty: float,
        seed: tuple[int, ...],
    ):
        self._tilings, self._empty, self._seed = tuple(tilings), empty, seed
        self._shares = np.random.default_rng([*seed, 0]).random((len(tilings), SHIFTS, 2))
        self._firsts = np.cumsum([0, *(tiling.examples for tiling in tilings)])
        self._teaching = self._find_teaching(objects, visible)
        self.teaches = any(map(len, self._teaching))
        counts = [len(teaching) + self._wanted(len(teaching)) for teaching in self._teaching]
        self._starts = np.cumsum([0, *counts]).tolist()
        self._orders: RecentPasses[Order] = RecentPasses()

    @cached_property
    def examples(self) -> int:
        """Number of examples of a pass, on average."""
        return round(self._starts[-1] / SHIFTS)

    def __getitem__(self, position: int) -> Place:
        """The example at a position of the endless order."""
        number, within = self._locate(position)
        order, _ = self._orders.get(number, self._shuffle)
        return self._place(number, int(order[within]))

    def neighbour(self, position: int, rng: np.random.Generator) -> Place:
        """Draw an example of the shelf at a position, whose images are probably decoded."""
        number, within = self._locate(position)
        order, shelves = self._orders.get(number, self._shuffle)
        shelf = bisect_right(shelves, within)
        return self._place(number, int(order[rng.integers(shelves[shelf - 1], shelves[shelf])]))

    def tiling(self, place: Place) -> Tiling:
        """How the image of an example is cut."""
        return self._tilings[place.record].shifted(self._shares[place.record, place.shift])

    def _locate(self, position: int) -> tuple[int, int]:
        """Number of the pass at a position, and the position in that pass."""
        cycle, within = divmod(position, self._starts[-1])
        shift = bisect_right(self._starts, within) - 1
        return cycle * SHIFTS + shift, within - self._starts[shift]

    def _place(self, number: int, example: int) -> Place:
        record = int(np.searchsorted(self._firsts, example, "right")) - 1
        return Place(record, number % SHIFTS, example - int(self._firsts[record]))

    def _find_teaching(self, objects: Sequence[Objects], visible: float) -> list[np.ndarray]:
        """Sorted numbers of the examples, counted over all images, that teach an object, with each shift."""
        found: list[list[np.ndarray]] = [[np.empty(0, np.int64)] for _ in range(SHIFTS)]
        for record, own in enumerate(objects):
            if not len(own):
                continue
            shifts = [self.tiling(Place(record, number, 0)).shift for number in range(SHIFTS)]
            homes = self._tilings[record].teaches(own, visible, np.array(shifts)[:, None])
            for examples, each in zip(found, homes, strict=True):
                examples.append(each[each >= 0] + self._firsts[record])
        return [np.unique(np.concatenate(examples)) for examples in found]

    def _wanted(self, teaching: int) -> int:
        """Number of examples without an object in a pass. If no pass teaches an object, all are taken."""
        available = int(self._firsts[-1]) - teaching
        return min(round(teaching * self._empty / (1 - self._empty)), available) if self.teaches else available

    def _shuffle(self, number: int) -> Order:
        rng = np.random.default_rng([*self._seed, 1, number])
        teaching = self._teaching[number % SHIFTS]
        examples = np.concatenate([teaching, self._draw_empty(teaching, rng)])
        shelves = self._fill_shelves(self._groups(rng.permutation(examples), rng))
        runs = [[run for group in shelf for run in np.array_split(group, min(RUNS, len(group)))] for shelf in shelves]
        order = [np.concatenate([shelf[i] for i in rng.permutation(len(shelf))]) for shelf in runs]
        return np.concatenate(order), np.cumsum([0, *map(len, order)])

    def _draw_empty(self, teaching: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Examples without an object. Up to half of them are whole images, or more if there are too few tiles."""
        wanted = self._wanted(len(teaching))
        empty = np.setdiff1d(np.arange(self._firsts[-1]), teaching, assume_unique=True)
        several = np.array([tiling.tiles > 1 for tiling in self._tilings])
        is_whole = np.isin(empty, self._firsts[1:][several] - 1)
        wholes, tiles = rng.permutation(empty[is_whole]), rng.permutation(empty[~is_whole])
        return np.concatenate([wholes[: wanted // 2], tiles, wholes[wanted // 2 :]])[:wanted]

    def _groups(self, examples: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        """The examples of each image in groups, which are in random order."""
        owners = np.searchsorted(self._firsts, examples, "right")
        by_image = np.argsort(owners, kind="stable")
        ends = np.flatnonzero(np.diff(owners[by_image])) + 1
        groups = []
        for own in np.split(examples[by_image], ends):
            most = math.ceil(self._pixels(own) / DECODED_FOR_EACH)
            groups += np.array_split(own, math.ceil(len(own) / most))
        return [groups[i] for i in rng.permutation(len(groups))]

    def _fill_shelves(self, groups: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
        shelves: list[list[np.ndarray]] = [[]]
        pixels = 0
        for group in groups:
            own = self._pixels(group)
            if pixels + own > SHELF_PIXELS and shelves[-1]:
                shelves.append([])
                pixels = 0
            shelves[-1].append(group)
            pixels += own
        return shelves

    def _pixels(self, group: np.ndarray) -> int:
        record = int(np.searchsorted(self._firsts, group[0], "right")) - 1
        height, width = self._tilings[record].image_size
        return height * width
