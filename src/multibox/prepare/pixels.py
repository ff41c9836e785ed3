"""The pixels of a record: its own image, or a part of one that is already decoded."""

from dataclasses import dataclass, field

import numpy as np

from multibox.data.record import Record
from multibox.prepare.render import decode


@dataclass(frozen=True, eq=False)
class Tile(Record):
    """A record that shows a part of an image. Its boxes are in pixels of that part, and ``image`` is empty.

    Attributes:
        pixels: ``(height, width, 3)`` uint8 RGB, which must not be changed.
    """

    pixels: np.ndarray = field(kw_only=True)


def pixels_of(record: Record) -> np.ndarray:
    """The pixels that a record shows, ``(H, W, 3)`` uint8 RGB.

    Raises:
        BadInput: If its image cannot be decoded.
    """
    return record.pixels if isinstance(record, Tile) else decode(record.image, record.source or record.id)
