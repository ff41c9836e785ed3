"""A record: one image of a dataset with its objects."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Objects:
    """The objects of one image, as columns of equal length N.

    Attributes:
        boxes: ``(N, 4)`` float32 edges ``x0, y0, x1, y1``, 0-based, in pixels of the upright image.
        labels: ``(N,)`` int64 positions in the dataset's list of classes.
        difficult: ``(N,)`` bool, True for objects that evaluation ignores: finding or missing them changes no score.
        crowd: ``(N,)`` bool, True for a region of many objects that were not annotated one by one. It is never a
            training target.
        truncated: ``(N,)`` bool, True for an object that continues beyond the image.
        occluded: ``(N,)`` bool, True for an object that is partly hidden by something else.
        area: ``(N,)`` float32 areas in squared pixels: of the object's segment if the annotation gives one, else of its
            box.
        ids: Id of each of the N objects in the original annotation. Its position from 0 if the annotation gives no ids.
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
        """Select objects by a mask ``(N,)`` bool, or by their positions in the order given."""
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
"""Names of the array columns of :class:`Objects`, and the type of each."""


@dataclass(frozen=True)
class Record:
    """One image of a dataset with its annotation.

    Attributes:
        id: Identifier of the image, unique within its split.
        image: Unchanged bytes of the image file (JPEG, PNG or another format).
        width: Width of the upright image (after EXIF orientation), pixels.
        height: Height of the upright image, pixels.
        objects: Objects of the image.
        source: Origin of the image, for messages: a path, or ``ARCHIVE:MEMBER``.
        extra: Further values that the original annotation holds about the image, as ``json.dumps`` takes them.
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
    """Build :class:`Objects` from lists or arrays. All columns except boxes and labels have a default.

    Args:
        boxes: N boxes ``x0, y0, x1, y1`` in pixels of the upright image. N may be 0.
        labels: N labels, positions in the list of classes.
        difficult: N flags, True for objects that evaluation ignores. None means that all are False.
        crowd: N flags, True for regions of many objects. None means that all are False.
        truncated: N flags, True for objects that continue beyond the image. None means that all are False.
        occluded: N flags, True for partly hidden objects. None means that all are False.
        area: N areas in squared pixels. None takes the areas of the boxes.
        ids: N ids of the objects. None takes their positions, from 0.

    Returns:
        The objects, as columns of the types in :data:`COLUMNS`.
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
        parts: Objects of each image, at least one image. All boxes must use the same coordinates.

    Returns:
        All objects, image after image.
    """
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    return Objects(**columns, ids=tuple(chain.from_iterable(part.ids for part in parts)))
