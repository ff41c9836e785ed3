"""A whole split as columns: every object that is there, every detection that was made; one row each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from multibox.data.store import Store


@dataclass(frozen=True)
class Truth:
    """The objects of N images, M rows.

    Attributes:
        classes: names of the classes that are judged.
        image_ids: N ids, unique.
        image_sizes: ``(N, 2)`` int64 widths and heights, pixels.
        images: ``(M,)`` int64, the position of the object's image, not decreasing.
        labels: ``(M,)`` int64, 0-based over ``classes``.
        boxes: ``(M, 4)`` float32 corners, pixels.
        difficult: ``(M,)`` bool; finding one is neither hit nor miss.
        crowd: ``(M,)`` bool; likewise.
        area: ``(M,)`` float32, squared pixels.
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
        """``(M,)`` bool: the objects that a detector must find."""
        return ~(self.difficult | self.crowd)


@dataclass(frozen=True)
class Found:
    """The detections in N images, D rows; where scores are equal, the earlier row goes first.

    Attributes:
        images: ``(D,)`` int64, the position of the detection's image.
        labels: ``(D,)`` int64, 0-based over the judged classes.
        scores: ``(D,)`` float32.
        boxes: ``(D, 4)`` corners, pixels of the upright image.
    """

    images: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def keep(self, rows: np.ndarray) -> "Found":
        """The rows where a mask is true, or those at the given positions, in that order."""
        return Found(self.images[rows], self.labels[rows], self.scores[rows], self.boxes[rows])


def truth_of(stores: Sequence[Store], classes: Sequence[str]) -> Truth:
    """Read the objects of stores, without their pictures.

    Args:
        stores: one, or several that are judged as one.
        classes: the classes that are judged; objects of others are left out.

    Returns:
        the objects, in the order of the records.
    """
    records = [(store, store.without_image(i)) for store in stores for i in range(len(store))]
    relabel = {id(store): places(store.meta.classes, classes) for store in stores}
    labels = [relabel[id(store)][record.objects.labels] for store, record in records]
    judged = [record.objects.keep(label >= 0) for (_, record), label in zip(records, labels, strict=True)]
    several = len(stores) > 1
    return Truth(
        classes=tuple(classes),
        image_ids=tuple(
            f"{store.meta.name}/{store.meta.split}/{record.id}" if several else record.id for store, record in records
        ),
        image_sizes=np.array([(record.width, record.height) for _, record in records], np.int64).reshape(-1, 2),
        images=np.repeat(np.arange(len(judged)), [len(objects) for objects in judged]),
        labels=_join([label[label >= 0] for label in labels], np.zeros(0, np.int64)),
        boxes=_join([objects.boxes for objects in judged], np.zeros((0, 4), np.float32)),
        difficult=_join([objects.difficult for objects in judged], np.zeros(0, bool)),
        crowd=_join([objects.crowd for objects in judged], np.zeros(0, bool)),
        area=_join([objects.area for objects in judged], np.zeros(0, np.float32)),
    )


def places(names: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """The place of each of ``names`` among ``classes``, int64; -1 where it is not among them."""
    known = {name: place for place, name in enumerate(classes)}
    return np.array([known.get(name, -1) for name in names], np.int64)


class ImageDetections(Protocol):
    """The detections of one image, as :class:`multibox.detect.detections.Detections` holds them."""

    @property
    def boxes(self) -> np.ndarray:
        """``(K, 4)`` corners, pixels of the upright image."""

    @property
    def scores(self) -> np.ndarray:
        """``(K,)`` in [0, 1]."""

    @property
    def labels(self) -> np.ndarray:
        """``(K,)`` int64, 0-based over the detector's classes."""


def found_in(detections: Iterable[ImageDetections], relabel: np.ndarray | None = None) -> Found:
    """Join the detections of all images.

    Args:
        detections: of each image, in the images' order.
        relabel: for each class of the detector its place among the judged classes, as :func:`places` gives it; without
            it the classes are the same.

    Returns:
        the rows, image by image.
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
