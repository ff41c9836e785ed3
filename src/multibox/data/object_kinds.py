"""Kinds of objects.

A crowd is a region of many objects and is never a training target. Difficult objects need not be found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Final, Literal

import numpy as np

from multibox.data.record import Objects
from multibox.data.store import Store

Choose = Callable[[Objects], np.ndarray]
"""Function that takes the N objects of an image and returns ``(N,)`` bool, true for the chosen ones."""

UNDO_CROWDS: Final = "if each is a single object, set iscrowd to 0 in the annotations and build the dataset again"
"""Advice for datasets whose single objects are marked as crowds."""


@dataclass(frozen=True)
class ObjectKinds:
    """Numbers of objects by kind.

    Attributes:
        single: Number of objects that are neither crowds nor difficult.
        difficult: Number of difficult objects that are not crowds.
        crowds: Number of crowds.
    """

    single: int = 0
    difficult: int = 0
    crowds: int = 0

    def __add__(self, other: "ObjectKinds") -> "ObjectKinds":
        return ObjectKinds(self.single + other.single, self.difficult + other.difficult, self.crowds + other.crowds)

    @property
    def total(self) -> int:
        """Number of all objects."""
        return self.single + self.difficult + self.crowds

    @property
    def unusual(self) -> str:
        """Description of a dataset without single objects, such as ``all objects are crowds (iscrowd 1)``.

        Empty if it has any.
        """
        crowds, difficult = "crowds (iscrowd 1)" * bool(self.crowds), "difficult" * bool(self.difficult)
        what = " or ".join(kind for kind in (crowds, difficult) if kind)
        return f"all objects are {what}" if what else "there is no object"


def learned(difficult: Literal["keep", "drop"]) -> Choose:
    """The choice of the objects that training learns: all but crowds.

    Args:
        difficult: Treatment of difficult objects, ``data.difficult``: ``drop`` leaves them out too.
    """
    return single if difficult == "drop" else _no_crowds


def single(objects: Objects) -> np.ndarray:
    """Choose the objects that are neither crowds nor difficult."""
    return ~(objects.crowd | objects.difficult)


def _no_crowds(objects: Objects) -> np.ndarray:
    return ~objects.crowd


def kinds_of(objects: Objects) -> ObjectKinds:
    """Count the objects of an image by kind."""
    crowds, difficult = objects.crowd, objects.difficult & ~objects.crowd
    return ObjectKinds(int((~crowds & ~difficult).sum()), int(difficult.sum()), int(crowds.sum()))


def kinds_in(store: Store) -> ObjectKinds:
    """Count the objects of a store by kind."""
    return reduce(ObjectKinds.__add__, (kinds_of(_objects(store, i)) for i in range(len(store))), ObjectKinds())


def has_object(store: Store, choose: Choose) -> bool:
    """Whether a store has an object that ``choose`` selects. Reading stops at the first one."""
    return any(choose(_objects(store, i)).any() for i in range(len(store)))


def has_only_crowds(store: Store) -> bool:
    """Whether a store has objects, and every one is a crowd."""
    return store.meta.counts.objects > 0 and not has_object(store, lambda objects: ~objects.crowd)


def classes_with(store: Store, choose: Choose) -> set[str]:
    """Names of the classes that have an object that ``choose`` selects.

    Reading stops as soon as all classes were found.

    Args:
        store: Store whose objects are searched.
        choose: Function from the objects of an image to an array that selects some of them, ``(N,)`` bool.
    """
    there = {name for name, count in store.meta.counts.per_class.items() if count}
    seen: set[str] = set()
    for i in range(len(store)):
        if seen == there:
            break
        objects = _objects(store, i)
        seen |= {store.meta.classes[label] for label in objects.labels[choose(objects)]}
    return seen


def _objects(store: Store, position: int) -> Objects:
    return store.without_image(position).objects
