"""Browsing a dataset: which pictures show a class, a size, or a mistake of a detector."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from multibox.boxes import areas
from multibox.config import Detect
from multibox.data.record import Record
from multibox.data.stats import SIZES
from multibox.data.store import Store, open_store
from multibox.errors import BadInput
from multibox.evaluation.columns import Truth, truth_of
from multibox.evaluation.results import read_results
from multibox.evaluation.test_set import Split, judged_classes
from multibox.evaluation.tide import HIT, IGNORED, NAMES, tide
from multibox.explain.cells import as_box

Size = Literal["small", "medium", "large"]
Kind = Literal["missed", "false", "mislabelled"]


@dataclass(frozen=True, eq=False)
class Marks:
    """Things to be seen in the pictures of a dataset, M of them: objects, or mistakes of one kind.

    Attributes:
        images: ``(M,)`` int64 positions of their pictures, not decreasing.
        labels: ``(M,)`` int64, 0-based over the dataset's classes.
        boxes: ``(M, 4)`` corners, pixels.
        more: M further things that are said of each.
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    more: tuple[dict[str, Any], ...]

    def chosen(self, label: int | None, size: Size | None) -> np.ndarray:
        """Positions of the pictures that show one of a class and a size, in order; None: of any."""
        rows = np.ones(len(self.images), np.bool_)
        if label is not None:
            rows &= self.labels == label
        if size is not None:
            low, high = SIZES[size]
            pixels = areas(self.boxes)
            rows &= (low <= pixels) & (pixels < high)
        return np.unique(self.images[rows])

    def of_picture(self, position: int, classes: tuple[str, ...]) -> list[dict[str, Any]]:
        """Those of one picture: ``name``, ``box`` and more."""
        begin, end = np.searchsorted(self.images, [position, position + 1]).tolist()
        return [
            {"name": classes[self.labels[i]], "box": as_box(self.boxes[i]), **self.more[i]} for i in range(begin, end)
        ]


class Dataset:
    """A store to browse.

    Args:
        store: the store.
        detections: a file of a detector's detections in it, as ``multibox eval --save-detections`` writes it.
        thresholds: the scores that detections must exceed to be shown, of each class that the detector knows; None: of
            all classes the usual one.

    Attributes:
        store: as given.
        classes: the store's.

    Raises:
        BadInput: the file cannot be read, or does not fit the store.
    """

    def __init__(
        self,
        store: Store,
        detections: str | os.PathLike[str] | None = None,
        thresholds: Mapping[str, float] | None = None,
    ):
        self.store = store
        self.classes = store.meta.classes
        self.mistakes = {} if detections is None else find_mistakes(store, detections, thresholds)

    def __len__(self) -> int:
        return len(self.store)

    @property
    def name(self) -> str:
        """Such as ``voc2007/val``."""
        return f"{self.store.meta.name}/{self.store.meta.split}"

    @cached_property
    def truth(self) -> Truth:
        """All objects, also those that no evaluation counts."""
        return truth_of([self.store], self.classes)

    @cached_property
    def objects(self) -> Marks:
        """All objects, and whether they are difficult."""
        truth = self.truth
        more = tuple({"difficult": bool(difficult)} for difficult in truth.difficult)
        return Marks(truth.images, truth.labels, truth.boxes, more)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.store.ids)}

    def record(self, record_id: str) -> Record:
        """The record of an id.

        Raises:
            BadInput: none has it.
        """
        if record_id not in self._positions:
            raise BadInput(self.name, f"has no picture {record_id[:100]!r}; take an id from /v1/datasets/images")
        return self.store[self._positions[record_id]]

    def choose(self, name: str | None = None, size: Size | None = None, mistake: Kind | None = None) -> np.ndarray:
        """Choose pictures.

        Args:
            name: that show an object of this class, or a mistake about one; None: any, also those that show nothing.
            size: of the object or the mistake.
            mistake: that show such a mistake.

        Returns:
            their positions in the store, in order.

        Raises:
            BadInput: no such class, or mistakes are asked for that nobody has made.
        """
        if name is not None and name not in self.classes:
            raise BadInput("class", f"{self.name} has no class {name[:100]!r}; it has {', '.join(self.classes)}")
        if mistake is not None and not self.mistakes:
            raise BadInput(
                "mistake", "none are known; give the server --detections FILE, see multibox eval --save-detections"
            )
        if name is None and size is None and mistake is None:
            return np.arange(len(self))
        marks = self.objects if mistake is None else self.mistakes[mistake]
        return marks.chosen(None if name is None else self.classes.index(name), size)

    def describe(self, position: int) -> dict[str, Any]:
        """A picture and what is known about it, as JSON-able values.

        Args:
            position: in the store.

        Returns:
            ``id``, ``width``, ``height``, ``objects``, and ``mistakes`` by kind, where there are detections.
        """
        width, height = self.truth.image_sizes[position].tolist()
        known = {
            "id": self.store.ids[position],
            "width": width,
            "height": height,
            "objects": self.objects.of_picture(position, self.classes),
        }
        if self.mistakes:
            known["mistakes"] = {
                kind: marks.of_picture(position, self.classes) for kind, marks in self.mistakes.items()
            }
        return known


def open_datasets(
    names: Sequence[str],
    detections: str | os.PathLike[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> dict[str, Dataset]:
    """Open datasets by their names.

    Args:
        names: ``NAME/SPLIT`` each.
        detections: see :class:`Dataset`; of those of the datasets that have all of its pictures.
        thresholds: see :class:`Dataset`.

    Returns:
        the datasets by name.

    Raises:
        BadInput: one is not there, or the file of detections fits none.
    """
    stores = {name: open_store(name) for name in names}
    if detections is None:
        return {name: Dataset(store) for name, store in stores.items()}
    datasets, misfits = {}, []
    for name, store in stores.items():
        try:
            datasets[name] = Dataset(store, detections, thresholds)
        except BadInput as error:
            datasets[name] = Dataset(store)
            misfits.append(error)
    if len(misfits) == len(datasets):
        raise misfits[0] if misfits else BadInput(detections, "give --data NAME/SPLIT too: what they were found in")
    return datasets


def find_mistakes(
    store: Store, detections: str | os.PathLike[str], thresholds: Mapping[str, float] | None = None
) -> dict[str, Marks]:
    """The mistakes of a detector, when only what is worth showing is shown.

    A detection that would be right if it had another's class is mislabelled (TIDE's classification error), and its
    object is not missed. Every other detection that hits nothing is false, and says which of TIDE's errors it is.

    Args:
        store: the pictures.
        detections: see :class:`Dataset`.
        thresholds: see there.

    Returns:
        the mistakes by kind.

    Raises:
        BadInput: see :class:`Dataset`.
    """
    least = dict.fromkeys(store.meta.classes, Detect().show) if thresholds is None else thresholds
    classes = judged_classes(tuple(least), [store])
    split = Split((store,), truth_of([store], classes))
    found = read_results(detections, split.image_ids, split.category_ids)
    found = found.keep(found.scores > np.array([least[name] for name in classes])[found.labels])
    errors, truth = tide(split.truth, found), split.truth
    labels = np.array([store.meta.classes.index(name) for name in classes])

    wrong = errors.kind == NAMES.index("classification")
    false = ~wrong & ~np.isin(errors.kind, (HIT, IGNORED))
    missed = truth.counted.copy()
    missed[errors.target[wrong | (errors.kind == HIT)]] = False

    def said_of(i: int) -> dict[str, Any]:
        error = {"score": float(found.scores[i]), "error": NAMES[errors.kind[i]]}
        return {**error, "object": classes[truth.labels[errors.target[i]]]} if wrong[i] else error

    def found_at(rows: np.ndarray) -> Marks:
        more = tuple(map(said_of, np.flatnonzero(rows).tolist()))
        return Marks(found.images[rows], labels[found.labels[rows]], found.boxes[rows], more)

    of_missed = Marks(
        truth.images[missed], labels[truth.labels[missed]], truth.boxes[missed], ({},) * int(missed.sum())
    )
    return {"missed": of_missed, "false": found_at(false), "mislabelled": found_at(wrong)}
