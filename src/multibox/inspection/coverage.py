"""Prior coverage: how well the priors of a network can overlap the objects that it has to learn.

An object whose best prior has an IoU below 0.5 is learned by that prior alone (SSD section 2.2, "Matching strategy").
If there are many such objects, sizes and ratios do not fit the data.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from multibox.boxes import areas, paired_iou
from multibox.config import Config
from multibox.models.maps import feature_maps, network_priors
from multibox.overlaps import overlapping
from multibox.priors import FeatureMap, prior_grids

REACHED: Final = 0.5
"""IoU with an object from which a prior reaches the object."""

BUCKETS: Final = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, float("inf"))}
"""Lowest and highest area of small, medium and large objects as in COCO, in squared pixels of the network's input."""


@dataclass(frozen=True)
class Reach:
    """Statistics of some objects' best IoUs: the highest IoU of any prior with each object.

    Attributes:
        objects: Number of objects that the statistics are about.
        mean: Mean over the objects of the highest IoU of any prior with the object, in [0, 1]. 0 without objects.
        worst: 10th percentile over the objects of the highest IoU of any prior with the object, in [0, 1]. 0 without
            objects.
        unreached: Share of the objects, in [0, 1], with which no prior has an IoU of at least :data:`REACHED`. 0
            without objects.
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
        boxes_rel: ``(N, 4)`` corners of the objects, relative to the network's input.
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

    Of equal boxes on a grid, the nearest has the highest IoU, because the overlap along either axis falls with the
    distance. So one cell of each map is enough. Priors that are cut off at the image's edge differ within a map. Then
    all priors are compared.

    Args:
        boxes_rel: ``(N, 4)`` corners of the objects, relative to the network's input.
        config: Configuration of the network and its priors.

    Returns:
        ``(N,)`` highest IoU of any prior with each object, in [0, 1].
    """
    maps = feature_maps(config.network)
    priors_rel = network_priors(config.network, config.priors)
    boxes = boxes_rel.astype(np.float32)
    if config.priors.clip:
        return _best_of_all(boxes, priors_rel)
    nearest = _nearest_priors(boxes, maps, config)  # (N, A)
    best = np.zeros(len(boxes), np.float32)
    for column in nearest.T:
        np.maximum(best, paired_iou(boxes, priors_rel[column]), out=best)
    return best


def _nearest_priors(boxes_rel: np.ndarray, maps: Sequence[FeatureMap], config: Config) -> np.ndarray:
    """Positions of the priors in the cells nearest to each object: ``(N, A)``, for A shapes over all maps."""
    height, width = config.network.size
    center_x = (boxes_rel[:, 0] + boxes_rel[:, 2]) / 2 * width
    center_y = (boxes_rel[:, 1] + boxes_rel[:, 3]) / 2 * height
    positions, first = [], 0
    for i, (fmap, grid) in enumerate(zip(maps, prior_grids(maps, config.priors), strict=True)):
        step_y, step_x = (config.priors.steps[i],) * 2 if config.priors.steps else (fmap.step_y, fmap.step_x)
        row = np.rint(center_y / step_y - config.priors.offset).clip(0, grid.height - 1)
        column = np.rint(center_x / step_x - config.priors.offset).clip(0, grid.width - 1)
        cell = (row * grid.width + column).astype(np.int64) * grid.per_cell
        positions.append(first + cell[:, None] + np.arange(grid.per_cell))
        first += grid.height * grid.width * grid.per_cell
    return np.concatenate(positions, axis=1)


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
