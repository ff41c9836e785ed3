"""Several stores as one sequence of records, with one list of classes."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np

from multibox.data.record import Record
from multibox.errors import BadInput


class JoinedStores:
    """The records of several stores as one sequence. Labels are translated to the classes of the run by class name.

    Args:
        stores: Sequences of records, each with ``meta.name``, ``meta.split`` and ``meta.classes``.
        classes: Class names of the run. They must include every class of every store.

    Attributes:
        ends: Position after the last record of each store, in the joined sequence.

    Raises:
        BadInput: If there is no store, no image, or a store has a class that is not in ``classes``.
    """

    def __init__(self, stores: Sequence[Any], classes: Sequence[str]):
        self.stores = tuple(stores)
        self.classes = tuple(classes)
        self.ends = list(accumulate(len(store) for store in self.stores))
        self._labels = [self._translate(store) for store in self.stores]
        if len(self) == 0:
            names = ", ".join(_name(store) for store in self.stores) or "data.train"
            raise BadInput(names, "no images; build a store with 'multibox data build', and name it in data.train")

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, index: int) -> Record:
        which, position = self.locate(index)
        return self._translated(which, self.stores[which][position])

    def without_image(self, index: int) -> Record:
        """The record at a position without the bytes of its image, so that ``image`` is empty."""
        which, position = self.locate(index)
        return self._translated(which, self.stores[which].without_image(position))

    @property
    def examples(self) -> int:
        """Number of examples of a pass over the data."""
        return len(self)

    def another(self, index: int, rng: np.random.Generator) -> Record:
        """Draw a record to mix with the one at ``index``: any record, each with the same probability."""
        return self[int(rng.integers(len(self)))]

    def locate(self, index: int) -> tuple[int, int]:
        """Position of a record's store among the stores, and position of the record in that store."""
        which = bisect_right(self.ends, index)
        return which, index - (self.ends[which - 1] if which else 0)

    def name(self, index: int) -> tuple[str, str]:
        """Name of a record's store, as ``NAME/SPLIT``, and id of the record in that store."""
        which, position = self.locate(index)
        return _name(self.stores[which]), self.stores[which][position].id

    def _translated(self, which: int, record: Record) -> Record:
        labels = self._labels[which][record.objects.labels]
        return replace(record, objects=replace(record.objects, labels=labels))

    def _translate(self, store: Any) -> np.ndarray:
        """Array from each label of a store to the label of the same class in the run."""
        unknown = [name for name in store.meta.classes if name not in self.classes]
        if unknown:
            raise BadInput(
                _name(store),
                f"has classes that data.classes does not list: {', '.join(unknown)}; add them to data.classes",
            )
        return np.array([self.classes.index(name) for name in store.meta.classes], np.int64)


def _name(store: Any) -> str:
    return f"{store.meta.name}/{store.meta.split}"
