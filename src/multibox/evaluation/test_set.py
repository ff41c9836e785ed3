"""Test sets: stores, the objects in their images, and the ids that COCO files use for images and classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from multibox.data.open import find_dataset
from multibox.data.record import Record
from multibox.data.store import Store, class_names, dataset_splits, open_store
from multibox.errors import BadInput
from multibox.evaluation.columns import Truth, truth_of
from multibox.prepare.render import decode


@dataclass(frozen=True)
class TestSet:
    """Stores that are evaluated together, and their objects of the evaluated classes.

    Attributes:
        stores: Stores that contain the images.
        truth: Objects of the evaluated classes in all stores.
    """

    stores: tuple[Store, ...]
    truth: Truth

    @property
    def name(self) -> str:
        """Names of the stores, such as ``voc2007/test``."""
        return ", ".join(f"{store.meta.name}/{store.meta.split}" for store in self.stores)

    @cached_property
    def left_out(self) -> dict[str, int]:
        """Number of objects of each class that is in the stores but is not evaluated, by class name."""
        counts: dict[str, int] = {}
        for store in self.stores:
            for name in store.meta.classes:
                if name not in self.truth.classes:
                    counts[name] = counts.get(name, 0) + store.meta.counts.per_class.get(name, 0)
        return counts

    @cached_property
    def image_ids(self) -> list[int | str]:
        """Id of each image in COCO files: the record's id, as a number if it is one."""
        ids = self.truth.image_ids
        if len(self.stores) > 1:
            return list(ids)
        return [int(name) if name.isdecimal() and str(int(name)) == name else name for name in ids]

    @cached_property
    def image_names(self) -> list[tuple[str, ...]]:
        """File names of each image that are recorded in the stores, with or without folders."""
        records = (store.without_image(i) for store in self.stores for i in range(len(store)))
        return [names_of(record) for record in records]

    @cached_property
    def category_ids(self) -> list[int]:
        """Number of each evaluated class in COCO files."""
        return [self.category_numbers[name] for name in self.truth.classes]

    @cached_property
    def category_numbers(self) -> dict[str, int]:
        """Number of each class of the test set in COCO files, by class name.

        The first store that has the class gives its number. If stores use one number for different classes, classes are
        numbered from 1 in the order of the stores.
        """
        ids: dict[str, int] = {}
        for store in self.stores:
            for name, number in zip(store.meta.classes, store.meta.category_ids, strict=True):
                ids.setdefault(name, number)
        if len(set(ids.values())) < len(ids):
            ids = {name: place for place, name in enumerate(ids, start=1)}
        return ids

    def pixels(self, position: int) -> np.ndarray:
        """Decode an image of the test set.

        Args:
            position: Position of the image, counted over all stores from 0.

        Returns:
            Pixels of the image, ``(H, W, 3)`` uint8 RGB.

        Raises:
            BadInput: The image cannot be decoded.
        """
        for store in self.stores:
            if position < len(store):
                return pixels_of(store[position])
            position -= len(store)
        raise IndexError(position)


Data = str | Store | Sequence[str | Store]
"""Test data: a store, the name of a dataset (``NAME`` or ``NAME/SPLIT``), or the path that it was built from. Several
stores or names are evaluated as one test set."""


def open_test_set(data: Data, known: Sequence[str] | None = None) -> TestSet:
    """Open stores and read the objects to find in them.

    Args:
        data: Name of a dataset, with its split (``NAME/SPLIT``) or without one (``NAME``: the split test, or val if
            there is none), or the path that it was built from, or a store, or a sequence of these.
        known: Class names of the detector. Only classes that the stores also have are evaluated, in this order. None
            evaluates all classes of the stores.

    Returns:
        The test set, with its stores and objects.

    Raises:
        BadInput: A store does not exist, or has none of the detector's classes.
    """
    names = [data] if isinstance(data, str | Store) else data
    stores = tuple(store if isinstance(store, Store) else open_split(store) for store in names)
    if known is None:
        known = class_names(stores)
    return TestSet(stores, truth_of(stores, common_classes(known, stores)))


def count_images(data: Data | TestSet) -> int:
    """Count the images of test data, as :func:`open_test_set` takes it."""
    if isinstance(data, TestSet):
        return sum(map(len, data.stores))
    names = [data] if isinstance(data, str | Store) else data
    return sum(len(store if isinstance(store, Store) else open_split(store)) for store in names)


def open_split(data: str) -> Store:
    """Open the store of one split of a dataset.

    Args:
        data: ``NAME/SPLIT``, or ``NAME`` for the dataset's split test, or val if it has no test. The path that the
            dataset was built from can be given instead of ``NAME``.

    Returns:
        The opened store.

    Raises:
        BadInput: The dataset or the split does not exist.
    """
    name = find_dataset(data)
    if "/" in name:
        return open_store(name)
    splits = dataset_splits(name)
    for split in ("test", "val"):
        if split in splits:
            return open_store(f"{name}/{split}")
    if splits:
        raise BadInput(name, f"has neither a split test nor val; give one of its splits: {', '.join(splits)}")
    return open_store(name)  # raises an error that lists the stores


def common_classes(known: Sequence[str], stores: Sequence[Store]) -> tuple[str, ...]:
    """Class names that a detector and stores have in common, in the detector's order.

    Args:
        known: Class names of the detector.
        stores: Stores whose classes are compared with the detector's.

    Returns:
        Names of the classes that the model and the test data share, in the order of the model.

    Raises:
        BadInput: The detector and the stores have no class in common.
    """
    there = {name for store in stores for name in store.meta.classes}
    classes = tuple(name for name in known if name in there)
    if not classes:
        stored = ", ".join(f"{store.meta.name}/{store.meta.split}" for store in stores)
        raise BadInput(
            stored, f"none of its classes ({', '.join(sorted(there))}) is a class of the model ({', '.join(known)})"
        )
    return classes


def names_of(record: Record) -> tuple[str, ...]:
    """File names of a record, from its annotations and from the path that was read. The id if there are none."""
    written = (record.extra.get("file_name"), record.extra.get("filename"), record.source.replace("\\", "/"))
    return tuple(str(name) for name in written if name) or (record.id,)


def pixels_of(record: Record) -> np.ndarray:
    """Decode the image of a record.

    Args:
        record: Record with the encoded image.

    Returns:
        Pixels of the image, ``(H, W, 3)`` uint8 RGB.

    Raises:
        BadInput: The image cannot be decoded.
    """
    return decode(record.image, record.source or record.id)
