"""Prior coverage: how well the priors of a network can overlap the objects that it has to learn.

If the best prior of an object has an IoU below 0.5, only that prior is matched to the object (SSD section 2.2,
"Matching strategy"). If there are many such objects, sizes and ratios do not fit the data.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from multibox.boxes import areas, paired_iou
from multibox.config import Config
from multibox.models.maps import feature_maps, network_priors
from multibox.overlaps import overlapping
from multibox.priors import make_priors, prior_grids, priors_per_cell

REACHED: Final = 0.5
"""Smallest IoU at which a prior counts as reaching an object."""

BUCKETS: Final = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, float("inf"))}
"""Range of the area of small, medium and large objects, with COCO's bounds, in squared pixels of the network's
input."""


@dataclass(frozen=True)
class Reach:
    """Statistics over objects of their best IoU: the highest IoU of any prior with the object.

    Attributes:
        objects: Number of objects in the statistics.
        mean: Mean over the objects of the highest IoU of any prior with the object, in [0, 1]. 0 without objects.
        worst: 10th percentile over the objects of the highest IoU of any prior with the object, in [0, 1]. 0 without
            objects.
        unreached: Share of the objects, in [0, 1], whose best IoU is below :data:`REACHED`. 0 without objects.
    """

    objects: int
    mean: float
    worst: float
    unreached: float


@dataclass(frozen=True)
class Coverage:
    """How well the priors of a network overlap the objects of a dataset, in all, by class and by size.

    Attributes:
        priors: Number of the network's priors.
        all: Statistics of all objects.
        classes: Statistics by class name, and then by object size: ``all``, or a key of :data:`BUCKETS`.
    """

    priors: int
    all: Reach
    classes: dict[str, dict[str, Reach]]

    def to_json(self) -> dict[str, Any]:
        """The statistics as values for ``json.dumps``."""
        return asdict(self)


def measure_coverage(boxes_rel: np.ndarray, labels: np.ndarray, classes: Sequence[str], config: Config) -> Coverage:
    """Measure how well the priors of a network can overlap objects.

    Args:
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the network's input.
        labels: ``(N,)`` labels of the objects, positions in ``classes``.
        classes: Names of the classes.
        config: Configuration of the network and its priors.

    Returns:
        Statistics of each object's highest IoU with any prior: for all objects, and by class and size.

    Raises:
        BadInput: Sizes, ratios or steps do not fit the network.
    """
    best = best_ious(boxes_rel, config)
    height, width = config.network.size
    sizes = areas(boxes_rel.astype(np.float64)) * height * width
    within = {"all": np.ones(len(best), np.bool_)}
    within |= {name: (sizes >= low) & (sizes < high) for name, (low, high) in BUCKETS.items()}
    order = np.argsort(labels, kind="stable")
    first = np.searchsorted(labels[order], np.arange(len(classes) + 1))
    by_class = {}
    for label, name in enumerate(classes):
        own = order[first[label] : first[label + 1]]
        by_class[name] = {bucket: _reach(best[own[inside[own]]]) for bucket, inside in within.items()}
    grids = prior_grids(feature_maps(config.network), config.priors)
    return Coverage(sum(grid.height * grid.width * grid.per_cell for grid in grids), _reach(best), by_class)


def best_ious(boxes_rel: np.ndarray, config: Config) -> np.ndarray:
    """Compute the best IoU of any prior with each object.

    Among equal boxes on a grid, the nearest has the highest IoU, because the overlap along either axis falls with the
    distance. So only one cell of each map is compared. If priors are clipped to the image, they are not equal within a
    map, and all of them are compared.

    Args:
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the network's input.
        config: Configuration of the network and its priors.

    Returns:
        ``(N,)`` highest IoU of any prior with each object, in [0, 1].
    """
    boxes = boxes_rel.astype(np.float32)
    if config.priors.clip:
        return _best_of_all(boxes, network_priors(config.network, config.priors))
    best = np.zeros(len(boxes), np.float32)
    for cells, priors_rel in _nearest_cells(boxes, config):
        for prior in priors_rel:
            np.maximum(best, paired_iou(boxes, cells + prior), out=best)
    return best


def _nearest_cells(boxes_rel: np.ndarray, config: Config) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The cell nearest to each object, and the priors of a cell, for each feature map.

    Args:
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the network's input.
        config: Configuration of the network and its priors, which are not clipped.

    Yields:
        ``(N, 4)`` shifts, relative to the input, from the map's first cell to the nearest one, and ``(A, 4)`` corners
        of the first cell's priors.
    """
    maps, extent = feature_maps(config.network), np.array(config.network.size)
    first_cells = [replace(fmap, height=1, width=1) for fmap in maps]
    priors_rel = make_priors(first_cells, config.priors, config.network.size)
    of_cells = np.split(priors_rel, np.cumsum(priors_per_cell(config.priors))[:-1])
    centers = (boxes_rel[:, 1::-1] + boxes_rel[:, :1:-1]) / 2 * extent  # y, x
    for i, fmap in enumerate(maps):
        steps = np.array((config.priors.steps[i],) * 2 if config.priors.steps else (fmap.step_y, fmap.step_x))
        cells = np.rint(centers / steps - config.priors.offset).clip(0, (fmap.height - 1, fmap.width - 1))
        yield (cells * steps / extent)[:, (1, 0, 1, 0)].astype(np.float32), of_cells[i]


def _best_of_all(boxes: np.ndarray, priors: np.ndarray) -> np.ndarray:
    best = np.zeros(len(boxes), np.float32)
    for block in overlapping(boxes, priors):
        best[block.rows] = block.iou.max(axis=1)
    return best


def _reach(best: np.ndarray) -> Reach:
    if not len(best):
        return Reach(0, 0.0, 0.0, 0.0)
    worst = float(np.quantile(best, 0.1))
    return Reach(len(best), round(float(best.mean()), 4), round(worst, 4), round(float((best < REACHED).mean()), 4))
