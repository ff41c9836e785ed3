"""The training examples of large images: tiles, each as a record of its own."""

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np

from multibox.config import Data
from multibox.data.record import Record
from multibox.errors import BadInput
from multibox.prepare.decoded import DecodedImages
from multibox.prepare.joined import JoinedStores
from multibox.prepare.passes import SHELF_PIXELS, Passes, Place
from multibox.prepare.pixels import Tile
from multibox.prepare.plan import choose_objects
from multibox.prepare.render import decode
from multibox.prepare.tiles import Tiles, tiles_of
from multibox.prepare.tiling import tiling_of

ENDLESS = 2**53
"""Length of the order of examples, which is more than any run needs. Grain counts batches in floating point, which is
exact up to this number."""

KEPT = SHELF_PIXELS * 3 * 5 // 4
"""Largest number of bytes of decoded images that a process keeps: those of a shelf, and some of the next."""


class TiledRecords(Sequence[Record]):
    """The tiles of the images of a run, in the endless order in which training sees them.

    If every store has a weight, it has an order of its own. The examples of store number s then begin at s times
    :data:`ENDLESS`.

    Args:
        joined: Images of the run.
        data: Configuration of the data, with the size of the tiles.
        seed: Random seed of the order.

    Raises:
        BadInput: No tile shows ``data.tile_visible`` of any object.
    """

    def __init__(self, joined: JoinedStores, data: Data, seed: int):
        self.joined = joined
        self._data = data
        tiles = tiles_of(data.tiles) or Tiles()
        records = [joined.without_image(index) for index in range(len(joined))]
        tilings = [tiling_of((record.height, record.width), tiles) for record in records]
        objects = [choose_objects(record.objects, data.difficult) for record in records]
        self._bounds = [0, *(joined.ends if data.weights else joined.ends[-1:])]
        self._passes = [
            Passes(tilings[start:end], objects[start:end], data.tile_visible, data.empty_tiles, (seed, order))
            for order, (start, end) in enumerate(pairwise(self._bounds))
        ]
        if any((~own.crowd).any() for own in objects) and not any(passes.teaches for passes in self._passes):
            raise BadInput(
                "data.tile_visible", f"no tile shows {data.tile_visible:g} of any object; set it to a smaller share"
            )
        self._decoded = DecodedImages(KEPT)

    @property
    def examples(self) -> int:
        """Number of examples of a pass over the data, on average."""
        return sum(passes.examples for passes in self._passes)

    def __len__(self) -> int:
        return self.examples

    def __getitem__(self, index: Any) -> Any:
        """Cut out the example at a position of the endless order."""
        order, position = divmod(index, ENDLESS)
        return self._cut(order, self._passes[order][position])

    def another(self, index: int, rng: np.random.Generator) -> Record:
        """Draw an example to mix with the one at ``index``: one of the images that are probably decoded."""
        order, position = divmod(index, ENDLESS)
        return self._cut(order, self._passes[order].neighbour(position, rng))

    def name(self, index: int) -> tuple[str, str]:
        """Name of an example's store, as ``NAME/SPLIT``, and id of the image in that store."""
        order, position = divmod(index, ENDLESS)
        return self.joined.name(self._bounds[order] + self._passes[order][position].record)

    def _cut(self, order: int, place: Place) -> Record:
        index = self._bounds[order] + place.record
        tiling = self._passes[order].tiling(place)
        if tiling.tiles == 1:
            return self.joined[index]
        record = self.joined.without_image(index)
        objects = choose_objects(record.objects, self._data.difficult)
        window = tiling.window(place.example)
        columns, rows = (slice(int(window.x0), int(window.x1)), slice(int(window.y0), int(window.y1)))
        shown = replace(
            record,
            width=int(window.width),
            height=int(window.height),
            objects=tiling.show(place.example, objects, self._data.tile_visible),
        )
        values = {each.name: getattr(shown, each.name) for each in fields(Record)}
        return Tile(**values, pixels=self._image(index)[rows, columns])

    def _image(self, index: int) -> np.ndarray:
        def decode_record() -> np.ndarray:
            record = self.joined[index]
            return decode(record.image, record.source or record.id)

        return self._decoded.get(index, decode_record)
