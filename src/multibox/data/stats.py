"""Statistics of a dataset: numbers of images and objects, sizes of images and boxes, objects per image."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from multibox.boxes import areas
from multibox.data.store import Store

QUANTILES: Final = (0.0, 0.1, 0.5, 0.9, 1.0)
"""Quantiles of a distribution: minimum, 10 %, median, 90 % and maximum."""

SIZES: Final = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, float("inf"))}
"""Range of the area of small, medium and large objects, in squared pixels of the image, with COCO's bounds."""

FLAGS: Final = ("difficult", "crowd", "truncated", "occluded")


@dataclass(frozen=True)
class Stats:
    """Statistics of a split.

    A tuple of five numbers holds the :data:`QUANTILES` of a distribution, all 0 if there are no values.

    Attributes:
        images: Number of images.
        empty: Number of images without objects.
        objects: Number of objects.
        per_class: Number of objects of each class, by class name.
        images_per_class: Number of images that show each class, by class name.
        flags: Number of objects with each of the flags ``difficult``, ``crowd``, ``truncated`` and ``occluded``, by
            flag.
        sizes: Number of ``small``, ``medium`` and ``large`` objects, as :data:`SIZES` defines them.
        width: Quantiles of the images' widths, pixels.
        height: Quantiles of the images' heights, pixels.
        objects_per_image: Quantiles of the number of objects in an image.
        side: The five quantiles of the square root of a box's area, as a share of the square root of its image's area.
        aspect: Quantiles of the boxes' aspect ratios, width over height.
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
        """The statistics as values for ``json.dumps``."""
        return asdict(self)


def measure_store(store: Store) -> Stats:
    """Compute the statistics of a store from its annotations. Its images are not read."""
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
