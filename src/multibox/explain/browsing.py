"""Browse a dataset for images that show a class, an object size, or a mistake of a detector."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from multibox.boxes import areas
from multibox.config import Detect
from multibox.data.open import find_dataset
from multibox.data.record import Record
from multibox.data.stats import SIZES
from multibox.data.store import Store, open_store
from multibox.errors import BadInput
from multibox.evaluation.columns import Truth, truth_of
from multibox.evaluation.reading.read_results import read_results
from multibox.evaluation.reading.usable import NO_IMAGE
from multibox.evaluation.test_set import TestSet, common_classes
from multibox.evaluation.tide import HIT, IGNORED, NAMES, tide
from multibox.explain.cells import as_box

Size = Literal["small", "medium", "large"]
Kind = Literal["missed", "false", "mislabelled"]


@dataclass(frozen=True, eq=False)
class Marks:
    """M objects of a dataset, or M mistakes of one kind, as columns.

    Attributes:
        images: ``(M,)`` int64 position in the store of each object's or mistake's image, in rising order.
        labels: ``(M,)`` int64 label of each object or mistake: its position among the dataset's classes, from 0.
        boxes: ``(M, 4)`` corners x0, y0, x1, y1 of each object or mistake in pixels of its image.
        more: Further values of each object or mistake by name, such as ``score``. M dictionaries.
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    more: tuple[dict[str, Any], ...]

    def chosen(self, label: int | None, size: Size | None) -> np.ndarray:
        """Positions of images that show a class and a size, in rising order. None allows any class or any size."""
        rows = np.ones(len(self.images), np.bool_)
        if label is not None:
            rows &= self.labels == label
        if size is not None:
            low, high = SIZES[size]
            pixels = areas(self.boxes)
            rows &= (low <= pixels) & (pixels < high)
        return np.unique(self.images[rows])

    def of_image(self, position: int, classes: tuple[str, ...]) -> list[dict[str, Any]]:
        """The objects or mistakes of one image as dictionaries: ``name``, ``box`` and further values."""
        begin, end = np.searchsorted(self.images, [position, position + 1]).tolist()
        return [
            {"name": classes[self.labels[i]], "box": as_box(self.boxes[i]), **self.more[i]} for i in range(begin, end)
        ]


class LabelledDataset:
    """A store of images that can be browsed by their objects, and by a detector's mistakes.

    Args:
        store: Store to browse.
        detections: Path of a file with a detector's detections in the store's images, as ``multibox eval
            --save-detections`` writes it. None if no mistakes are to be shown.
        thresholds: Score that detections must exceed, by class name of the detector. None takes the default score for
            all classes.

    Attributes:
        store: Store that is browsed.
        classes: Class names of the store.
        mistakes: Mistakes of the detector by kind: ``missed``, ``false`` and ``mislabelled``. Empty without detections.

    Raises:
        BadInput: If the file of detections cannot be read, or does not fit the store.
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
        """Name of the store, such as ``voc2007/val``."""
        return f"{self.store.meta.name}/{self.store.meta.split}"

    @cached_property
    def truth(self) -> Truth:
        """All objects of the store, including those that evaluation does not count."""
        return truth_of([self.store], self.classes)

    @cached_property
    def objects(self) -> Marks:
        """All objects of the store, each with a flag that says whether it is difficult."""
        truth = self.truth
        more = tuple({"difficult": bool(difficult)} for difficult in truth.difficult)
        return Marks(truth.images, truth.labels, truth.boxes, more)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.store.ids)}

    def record(self, record_id: str) -> Record:
        """Find the record of an image by its id.

        Args:
            record_id: Id of the image.

        Returns:
            Record with the encoded image and its objects.

        Raises:
            BadInput: If the store has no image with this id.
        """
        if record_id not in self._positions:
            raise BadInput(self.name, f"has no image {record_id[:100]!r}; choose an id that /v1/datasets/images lists")
        return self.store[self._positions[record_id]]

    def choose(self, name: str | None = None, size: Size | None = None, mistake: Kind | None = None) -> np.ndarray:
        """Choose images by the objects or mistakes that they show. Without any argument, all images are chosen.

        Args:
            name: Class name of an object or a mistake in the image. None allows any class.
            size: COCO's size of the object or the mistake: ``small``, ``medium`` or ``large``. None allows any size.
            mistake: Kind of mistake to search for. Without it, objects are searched.

        Returns:
            Positions of the images in the store, in rising order.

        Raises:
            BadInput: If the store has no such class, or no detections were given for mistakes.
        """
        if name is not None and name not in self.classes:
            raise BadInput(
                "class", f"{self.name} has no class {name[:100]!r}; its classes are {', '.join(self.classes)}"
            )
        if mistake is not None and not self.mistakes:
            raise BadInput("mistake", "no mistakes are known; open the dataset with a file of detections")
        if name is None and size is None and mistake is None:
            return np.arange(len(self))
        marks = self.objects if mistake is None else self.mistakes[mistake]
        return marks.chosen(None if name is None else self.classes.index(name), size)

    def describe(self, position: int) -> dict[str, Any]:
        """Describe an image as a dictionary that can be written as JSON.

        Args:
            position: Position of the image in the store, from 0.

        Returns:
            Dictionary with ``id``, ``width``, ``height``, ``objects`` and, if there are detections, ``mistakes`` by
            kind.
        """
        width, height = self.truth.image_sizes[position].tolist()
        known = {
            "id": self.store.ids[position],
            "width": width,
            "height": height,
            "objects": self.objects.of_image(position, self.classes),
        }
        if self.mistakes:
            known["mistakes"] = {kind: marks.of_image(position, self.classes) for kind, marks in self.mistakes.items()}
        return known


def open_datasets(
    names: Sequence[str],
    detections: str | os.PathLike[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> dict[str, LabelledDataset]:
    """Open datasets for browsing.

    Args:
        names: Name of each dataset, as ``NAME/SPLIT``.
        detections: Path of a file with a detector's detections, as ``multibox eval --save-detections`` writes it. It is
            used in each dataset that has all images of the file.
        thresholds: Score that detections must exceed, by class name of the detector.

    Returns:
        Opened datasets by ``NAME/SPLIT``.

    Raises:
        BadInput: If a dataset does not exist, or the detections fit no dataset.
    """
    stores = {name: open_store(name) for name in map(find_dataset, names)}
    if detections is None:
        return {name: LabelledDataset(store) for name, store in stores.items()}
    datasets, misfits = {}, []
    for name, store in stores.items():
        try:
            datasets[name] = LabelledDataset(store, detections, thresholds)
        except BadInput as error:
            datasets[name] = LabelledDataset(store)
            misfits.append(error)
    if len(misfits) == len(datasets):
        raise (
            misfits[0]
            if misfits
            else BadInput(
                detections,
                "no dataset with the images of these detections is open; give the dataset that they belong to, "
                "as NAME/SPLIT",
            )
        )
    return datasets


def find_mistakes(
    store: Store, detections: str | os.PathLike[str], thresholds: Mapping[str, float] | None = None
) -> dict[str, Marks]:
    """Find a detector's mistakes among its detections above thresholds.

    A detection that would be right with another class is ``mislabelled`` (TIDE's classification error), and its object
    does not count as missed. Any other detection without an object is ``false``, and carries the name of its TIDE
    error.

    Args:
        store: Store of the images.
        detections: Path of a file with a detector's detections in the store's images, as ``multibox eval
            --save-detections`` writes it.
        thresholds: Score that detections must exceed, by class name of the detector. Without it, the default score is
            used for all classes.

    Returns:
        Mistakes by kind: ``missed``, ``false`` and ``mislabelled``.

    Raises:
        BadInput: If the file of detections cannot be read, or does not fit the store.
    """
    least = dict.fromkeys(store.meta.classes, Detect().show) if thresholds is None else thresholds
    classes = common_classes(tuple(least), [store])
    test_set = TestSet((store,), truth_of([store], classes))
    reading = read_results(detections, test_set)
    strange = sum(part.count for part in reading.dropped if part.reason == NO_IMAGE)
    if strange:
        raise BadInput(
            detections, f"{strange} of {reading.rows} rows belong to no image of {test_set.name}; remove these rows"
        )
    reading.log()
    found = reading.found
    found = found.keep(found.scores > np.array([least[name] for name in classes])[found.labels])
    errors, truth = tide(test_set.truth, found), test_set.truth
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
