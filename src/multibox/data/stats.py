"""Statistics of a dataset: numbers, sizes and crowding."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from multibox.boxes import areas
from multibox.data.store import Store

QUANTILES: Final = (0.0, 0.1, 0.5, 0.9, 1.0)
"""Least, tenth, middle, nine tenths, most."""

SIZES: Final = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, float("inf"))}
"""Areas in squared pixels of the image: COCO's bounds."""

FLAGS: Final = ("difficult", "crowd", "truncated", "occluded")


@dataclass(frozen=True)
class Stats:
    """Statistics of a split. Five numbers are the :data:`QUANTILES`, all 0 for empty data.

    Attributes:
        images: Number of images.
        empty: Number of images without objects.
        objects: Number of objects.
        per_class: Number of objects of each class.
        images_per_class: Number of images that show each class.
        flags: Number of objects that are difficult, crowds, truncated and occluded.
        sizes: Number of objects by :data:`SIZES`.
        width: Widths of the images, pixels.
        height: Heights of the images, pixels.
        objects_per_image: Numbers of objects in an image.
        side: Square roots of the boxes' areas, as fractions of the images'.
        aspect: Width over height of the boxes.
    """

    images: int
    empty: int
    objects: int
    per_class: dict[str, int]
    images_per_class: dict[str, int]
    flags: dict[str, int]
    sizes: dict[str, int]
    width: tuple[float, ...]
    height: tuple[float, ...]
    objects_per_image: tuple[float, ...]
    side: tuple[float, ...]
    aspect: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON-able values."""
        return asdict(self)


def measure_store(store: Store) -> Stats:
    """Compute the statistics of a store. Its images are not read."""
    records = [store.without_image(i) for i in range(len(store))]
    image_sizes = np.array([(record.width, record.height) for record in records], np.float64).reshape(-1, 2)
    counts = np.array([len(record.objects) for record in records], np.int64)
    boxes = np.concatenate([np.empty((0, 4)), *(record.objects.boxes for record in records)]).astype(np.float64)
    labels = np.concatenate([np.empty(0, np.int64), *(record.objects.labels for record in records)])
    pixels = areas(boxes)
    sides = boxes[:, 2:] - boxes[:, :2]
    shown = [np.unique(record.objects.labels) for record in records]
    classes = store.meta.classes
    return Stats(
        images=len(records),
        empty=int((counts == 0).sum()),
        objects=len(boxes),
        per_class=_by_class(labels, classes),
        images_per_class=_by_class(np.concatenate([np.empty(0, np.int64), *shown]), classes),
        flags={flag: sum(int(getattr(record.objects, flag).sum()) for record in records) for flag in FLAGS},
        sizes={name: int(((pixels >= low) & (pixels < high)).sum()) for name, (low, high) in SIZES.items()},
        width=_quantiles(image_sizes[:, 0]),
        height=_quantiles(image_sizes[:, 1]),
        objects_per_image=_quantiles(counts),
        side=_quantiles(np.sqrt(pixels / np.repeat(image_sizes.prod(axis=1), counts))),
        aspect=_quantiles(sides[:, 0] / np.maximum(sides[:, 1], np.finfo(np.float32).tiny)),
    )


def _by_class(labels: np.ndarray, classes: Sequence[str]) -> dict[str, int]:
    return dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True))


def _quantiles(values: np.ndarray) -> tuple[float, ...]:
    if not len(values):
        return (0.0,) * len(QUANTILES)
    return tuple(round(float(value), 4) for value in np.quantile(values, QUANTILES))
