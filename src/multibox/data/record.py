"""A record: one image with its objects, as readers return it and stores keep it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Objects:
    """The objects of one image, as columns of equal length N.

    Attributes:
        boxes: ``(N, 4)`` float32, pixels of the upright image, ``x0, y0, x1, y1`` (edges, 0-based).
        labels: ``(N,)`` int64, 0-based over the dataset's classes.
        difficult: ``(N,)`` bool; evaluation neither rewards nor punishes finding them.
        crowd: ``(N,)`` bool; a region of many objects, never a target.
        truncated: ``(N,)`` bool; the object reaches beyond the image.
        occluded: ``(N,)`` bool; something else hides a part of it.
        area: ``(N,)`` float32, squared pixels; the segment's area where the source gives one, else the box's.
        ids: ``N`` ids of the objects in their source, or their positions.
    """

    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    crowd: np.ndarray
    truncated: np.ndarray
    occluded: np.ndarray
    area: np.ndarray
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.boxes)

    def keep(self, mask: np.ndarray) -> "Objects":
        """Select the objects where ``mask`` ``(N,)`` is true, or those at the given positions, in that order."""
        chosen = np.arange(len(self))[mask]
        columns = {name: getattr(self, name)[chosen] for name in COLUMNS}
        return Objects(**columns, ids=tuple(self.ids[i] for i in chosen))


COLUMNS = {
    "boxes": np.float32,
    "labels": np.int64,
    "difficult": np.bool_,
    "crowd": np.bool_,
    "truncated": np.bool_,
    "occluded": np.bool_,
    "area": np.float32,
}
"""The array columns of :class:`Objects` and their types."""


@dataclass(frozen=True)
class Record:
    """One image of a dataset with its annotation.

    Attributes:
        id: Identifier, unique within its split.
        image: Bytes of the source file, untouched (JPEG, PNG, ...).
        width: Width of the upright image (after EXIF orientation), pixels.
        height: Height of the upright image, pixels.
        objects: Objects of the image.
        source: Origin of the image, for messages: a path or ``archive:member``.
        extra: Everything else the source holds about the image, as JSON-able values.
    """

    id: str
    image: bytes
    width: int
    height: int
    objects: Objects
    source: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def make_objects(
    boxes: Any,
    labels: Any,
    *,
    difficult: Any = None,
    crowd: Any = None,
    truncated: Any = None,
    occluded: Any = None,
    area: Any = None,
    ids: Any = None,
) -> Objects:
    """Build :class:`Objects` from lists or arrays. Missing flags are false, missing areas those of the boxes, missing
    ids the positions.

    Args:
        boxes: N boxes ``x0, y0, x1, y1``, possibly none.
        labels: N class numbers.
        difficult: N flags.
        crowd: N flags.
        truncated: N flags.
        occluded: N flags.
        area: N areas in squared pixels.
        ids: N ids.

    Returns:
        The columns, each with its type of :data:`COLUMNS`.
    """
    box_array = np.asarray(boxes, np.float32).reshape(-1, 4)
    count = len(box_array)

    def flags(values: Any) -> np.ndarray:
        return np.zeros(count, np.bool_) if values is None else np.asarray(values, np.bool_).reshape(count)

    sizes = (box_array[:, 2:] - box_array[:, :2]).clip(0)
    return Objects(
        boxes=box_array,
        labels=np.asarray(labels, np.int64).reshape(count),
        difficult=flags(difficult),
        crowd=flags(crowd),
        truncated=flags(truncated),
        occluded=flags(occluded),
        area=sizes[:, 0] * sizes[:, 1] if area is None else np.asarray(area, np.float32).reshape(count),
        ids=tuple(str(i) for i in (range(count) if ids is None else ids)),
    )


def join_objects(parts: Sequence[Objects]) -> Objects:
    """Concatenate the objects of several images.

    Args:
        parts: At least one, each possibly without objects. Their boxes use the same coordinates.

    Returns:
        All objects, part by part.
    """
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    return Objects(**columns, ids=tuple(chain.from_iterable(part.ids for part in parts)))
