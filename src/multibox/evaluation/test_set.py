"""The images to judge on: stores, the classes judged, and what images and classes are called elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from multibox.data.record import Record
from multibox.data.store import Store, dataset_splits, open_store
from multibox.errors import BadInput
from multibox.evaluation.columns import Truth
from multibox.prepare.render import decode


@dataclass(frozen=True)
class Split:
    """Stores that are judged as one, and their objects."""

    stores: tuple[Store, ...]
    truth: Truth

    @property
    def name(self) -> str:
        """Such as ``voc2007/test``."""
        return ", ".join(f"{store.meta.name}/{store.meta.split}" for store in self.stores)

    @cached_property
    def image_ids(self) -> list[int | str]:
        """What each image is called in COCO's files."""
        return coco_image_ids(self.truth, self.stores)

    @cached_property
    def category_ids(self) -> list[int]:
        """What each class is called in COCO's files."""
        return coco_category_ids(self.truth.classes, self.stores)

    def pixels(self, position: int) -> np.ndarray:
        """An image, ``(H, W, 3)`` uint8 RGB.

        Raises:
            BadInput: it cannot be decoded.
        """
        for store in self.stores:
            if position < len(store):
                return pixels_of(store[position])
            position -= len(store)
        raise IndexError(position)


def open_split(data: str) -> Store:
    """Open the store to judge on.

    Args:
        data: ``NAME/SPLIT``; or ``NAME``, for its split test, else val.

    Returns:
        the store.

    Raises:
        BadInput: there is none.
    """
    if "/" in data:
        return open_store(data)
    splits = dataset_splits(data)
    for split in ("test", "val"):
        if split in splits:
            return open_store(f"{data}/{split}")
    if splits:
        raise BadInput(data, f"has neither test nor val; name one of its splits: {', '.join(splits)}")
    return open_store(data)  # says which there are


def judged_classes(known: Sequence[str], stores: Sequence[Store]) -> tuple[str, ...]:
    """The classes that a detector and stores have in common, in the detector's order.

    Raises:
        BadInput: there is none.
    """
    there = {name for store in stores for name in store.meta.classes}
    classes = tuple(name for name in known if name in there)
    if not classes:
        stored = ", ".join(f"{store.meta.name}/{store.meta.split}" for store in stores)
        raise BadInput(
            stored, f"none of its classes ({', '.join(sorted(there))}) is one of the model's ({', '.join(known)})"
        )
    return classes


def objects_left_out(classes: Sequence[str], stores: Sequence[Store]) -> dict[str, int]:
    """How many objects stores hold of each of their classes that is not judged."""
    counts: dict[str, int] = {}
    for store in stores:
        for name in store.meta.classes:
            if name not in classes:
                counts[name] = counts.get(name, 0) + store.meta.counts.per_class.get(name, 0)
    return counts


def coco_image_ids(truth: Truth, stores: Sequence[Store]) -> list[int | str]:
    """What each image is called in COCO's files: its number there if it has one, else its id."""
    if len(stores) > 1:
        return list(truth.image_ids)
    return [int(name) if name.isdecimal() and str(int(name)) == name else name for name in truth.image_ids]


def coco_category_ids(classes: Sequence[str], stores: Sequence[Store]) -> list[int]:
    """What each class is called in COCO's files: as the first store that has it says.

    Where stores use a number for different classes, it is its place among all of their classes, from 1.
    """
    ids: dict[str, int] = {}
    for store in stores:
        for name, number in zip(store.meta.classes, store.meta.category_ids, strict=True):
            ids.setdefault(name, number)
    if len(set(ids.values())) < len(ids):
        ids = {name: place for place, name in enumerate(ids, start=1)}
    return [ids[name] for name in classes]


def pixels_of(record: Record) -> np.ndarray:
    """The decoded image of a record.

    Raises:
        BadInput: it cannot be decoded.
    """
    return decode(record.image, record.source or record.id)
