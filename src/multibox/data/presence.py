"""Which images show which classes, counting the objects that training learns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multibox.data.object_kinds import Choose


@dataclass(frozen=True, eq=False)
class Presence:
    """The images of some data, and the classes that each of them shows.

    Attributes:
        classes: Class names. A class's position in this list is its label.
        images: Number of images.
        shown_in: ``(M,)`` int64 position of an image, for each pair of an image and a class that it shows. Every pair
            is there once.
        labels: ``(M,)`` int64 label of the class, for each of these pairs.
        objects: ``(C,)`` int64 number of objects of each class.
    """

    classes: tuple[str, ...]
    images: int
    shown_in: np.ndarray
    labels: np.ndarray
    objects: np.ndarray

    @property
    def images_of_class(self) -> np.ndarray:
        """``(C,)`` int64 number of images that show each class."""
        return np.bincount(self.labels, minlength=len(self.classes))

    @property
    def images_by_name(self) -> dict[str, int]:
        """Number of images that show each class, by class name."""
        return dict(zip(self.classes, self.images_of_class.tolist(), strict=True))


def presence_of(labels: Iterable[np.ndarray], classes: Sequence[str]) -> Presence:
    """Count the classes of images.

    Args:
        labels: Labels of the objects of each image, from 0. An array for each image, which may be empty.
        classes: Class names, in the order of their labels.

    Returns:
        The classes that each image shows, with the images in the given order.
    """
    each = [np.unique(of_image, return_counts=True) for of_image in labels]
    shown = np.concatenate([np.empty(0, np.int64), *(names for names, _ in each)])
    counts = np.concatenate([np.empty(0, np.int64), *(counts for _, counts in each)])
    return Presence(
        classes=tuple(classes),
        images=len(each),
        shown_in=np.repeat(np.arange(len(each)), [len(names) for names, _ in each]),
        labels=shown,
        objects=np.bincount(shown, counts, len(classes)).astype(np.int64),
    )


def presence_in(stores: Sequence[Any], classes: Sequence[str], choose: Choose) -> Presence:
    """Count the classes of the images in stores from their annotations. No image is read.

    Args:
        stores: Stores whose images are counted, joined in this order.
        classes: Class names of the run. They must include every class of every store, and their labels are used.
        choose: Choice of the objects that count.

    Returns:
        The classes that each image of all stores shows.
    """

    def labels() -> Iterable[np.ndarray]:
        for store in stores:
            of_run = np.array([classes.index(name) for name in store.meta.classes], np.int64)
            for position in range(len(store)):
                objects = store.without_image(position).objects
                yield of_run[objects.labels[choose(objects)]]

    return presence_of(labels(), classes)
