"""The objects and the detections of a whole test set, each as a table of columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from multibox.data.store import Store


@dataclass(frozen=True)
class Truth:
    """The M objects in the N images of a test set, as columns.

    Attributes:
        classes: Names of the evaluated classes.
        image_ids: Unique ids of the N images.
        image_sizes: ``(N, 2)`` int64 width and height of each image in pixels.
        images: ``(M,)`` int64 position of each object's image, in rising order.
        labels: ``(M,)`` int64 label of each object: its position among ``classes``, from 0.
        boxes: ``(M, 4)`` float32 corners x0, y0, x1, y1 of each object in pixels of its image.
        difficult: ``(M,)`` bool, whether each object is difficult. Its detection is neither a hit nor a false alarm.
        crowd: ``(M,)`` bool, whether each object is a crowd. Its detection is neither a hit nor a false alarm.
        area: ``(M,)`` float32 area of each object in squared pixels.
    """

    classes: tuple[str, ...]
    image_ids: tuple[str, ...]
    image_sizes: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    difficult: np.ndarray
    crowd: np.ndarray
    area: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @property
    def counted(self) -> np.ndarray:
        """``(M,)`` bool, whether a detector must find each object: it is neither difficult nor a crowd."""
        return ~(self.difficult | self.crowd)


@dataclass(frozen=True)
class Found:
    """D detections in the N images of a test set, as columns. Of equal scores, the earlier row ranks first.

    Attributes:
        images: ``(D,)`` int64 position of each detection's image.
        labels: ``(D,)`` int64 label of each detection: its position among the evaluated classes, from 0.
        scores: ``(D,)`` float32 score of each detection, in [0, 1].
        boxes: ``(D, 4)`` corners x0, y0, x1, y1 of each detection in pixels of its upright image.
    """

    images: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def keep(self, rows: np.ndarray) -> "Found":
        """Detections where a mask ``(D,)`` is true, or detections at the given positions, in the order given."""
        return Found(self.images[rows], self.labels[rows], self.scores[rows], self.boxes[rows])


def truth_of(stores: Sequence[Store], classes: Sequence[str]) -> Truth:
    """Read the objects of stores, without decoding images.

    Args:
        stores: Stores that are evaluated together as one test set.
        classes: Names of the evaluated classes. Objects of other classes are left out.

    Returns:
        Objects of all stores, in the order of their records.
    """
    records = [(store, store.without_image(i)) for store in stores for i in range(len(store))]
    relabel = {id(store): places(store.meta.classes, classes) for store in stores}
    labels = [relabel[id(store)][record.objects.labels] for store, record in records]
    kept = [record.objects.keep(label >= 0) for (_, record), label in zip(records, labels, strict=True)]
    several = len(stores) > 1
    return Truth(
        classes=tuple(classes),
        image_ids=tuple(
            f"{store.meta.name}/{store.meta.split}/{record.id}" if several else record.id for store, record in records
        ),
        image_sizes=np.array([(record.width, record.height) for _, record in records], np.int64).reshape(-1, 2),
        images=np.repeat(np.arange(len(kept)), [len(objects) for objects in kept]),
        labels=_join([label[label >= 0] for label in labels], np.zeros(0, np.int64)),
        boxes=_join([objects.boxes for objects in kept], np.zeros((0, 4), np.float32)),
        difficult=_join([objects.difficult for objects in kept], np.zeros(0, bool)),
        crowd=_join([objects.crowd for objects in kept], np.zeros(0, bool)),
        area=_join([objects.area for objects in kept], np.zeros(0, np.float32)),
    )


def places(names: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Position of each name in ``classes``, as int64. -1 for a name that is not in ``classes``."""
    known = {name: place for place, name in enumerate(classes)}
    return np.array([known.get(name, -1) for name in names], np.int64)


class ImageDetections(Protocol):
    """Protocol of the detections in one image, such as :class:`multibox.detect.detections.Detections`."""

    @property
    def boxes(self) -> np.ndarray:
        """``(K, 4)`` corners x0, y0, x1, y1 of each detection in pixels of the upright image."""

    @property
    def scores(self) -> np.ndarray:
        """``(K,)`` score of each detection, in [0, 1]."""

    @property
    def labels(self) -> np.ndarray:
        """``(K,)`` int64 label of each detection: its position among the detector's classes, from 0."""


def found_in(detections: Iterable[ImageDetections], relabel: np.ndarray | None = None) -> Found:
    """Join the detections of all images into one table.

    Args:
        detections: Detections of each image, in the order of the test set's images.
        relabel: Position of each of the detector's classes among the evaluated classes, from :func:`places`. None if
            both are the same.

    Returns:
        Detections of the evaluated classes, image by image.
    """
    parts = list(detections)
    images = np.repeat(np.arange(len(parts)), [len(part.scores) for part in parts])
    labels = _join([part.labels for part in parts], np.zeros(0, np.int64))
    scores = _join([part.scores for part in parts], np.zeros(0, np.float32))
    boxes = _join([part.boxes for part in parts], np.zeros((0, 4), np.float32))
    if relabel is None:
        return Found(images, labels, scores, boxes)
    labels = relabel[labels]
    return Found(images, labels, scores, boxes).keep(labels >= 0)


def _join(parts: Sequence[np.ndarray], empty: np.ndarray) -> np.ndarray:
    return np.concatenate([empty, *parts], dtype=empty.dtype)
