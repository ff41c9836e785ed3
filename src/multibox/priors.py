"""Prior boxes: the positions, sizes and shapes at which the network searches for objects.

Every cell of every feature map has a few boxes around its centre. For each of them, the network predicts a class and
how to shift and resize the box. Matching assigns them to objects. Start reading here, then go on with ``prepare/``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

import numpy as np

from multibox.boxes import to_corners
from multibox.config import Priors
from multibox.errors import BadInput


@dataclass(frozen=True)
class FeatureMap:
    """A feature map that feeds a head.

    Attributes:
        name: Name of the layer that computes the map.
        height: Number of rows of cells.
        width: Number of columns of cells.
        step_y: Distance between two neighbouring rows of cells, pixels of the network's input.
        step_x: Distance between two neighbouring columns of cells, pixels of the network's input.
    """

    name: str
    height: int
    width: int
    step_y: float
    step_x: float


class Grid(NamedTuple):
    """The layout of a map's priors, which are ordered by row, then column, then shape.

    Attributes:
        height: Number of rows of cells.
        width: Number of columns of cells.
        per_cell: Number of priors in each cell.
    """

    height: int
    width: int
    per_cell: int


def shapes(size: float, next_size: float, ratios: Sequence[float], order: str = "caffe") -> np.ndarray:
    """Compute the widths and heights of the priors of one cell, as Caffe's ``PriorBox`` layer does.

    The priors are a square of side s, a square of side sqrt(s s') that fills the gap to the next map's size s', and for
    each ratio r a box of s sqrt(r) by s / sqrt(r) and its transpose.

    Args:
        size: Size s of this map's priors, pixels.
        next_size: Size s' of the next map's priors, pixels.
        ratios: Ratios of width to height, each above 1.
        order: Order of the priors that are not square, by ratio: ``caffe`` for 2, 1/2, 3, 1/3, or ``five_scripts`` for
            2, 3, 1/2, 1/3.

    Returns:
        ``(2 + 2 * len(ratios), 2)`` float64 widths and heights, pixels.
    """
    between = sqrt(size * next_size)
    wide = [(size * sqrt(r), size / sqrt(r)) for r in ratios]
    tall = [(h, w) for w, h in wide]
    pairs = [shape for pair in zip(wide, tall, strict=True) for shape in pair]
    rest = wide + tall if order == "five_scripts" else pairs
    return np.array([(size, size), (between, between), *rest])


def priors_per_cell(config: Priors) -> list[int]:
    """Number of priors per cell, for each feature map."""
    return [len(cell) for cell in config.shapes] or [2 + 2 * len(ratios) for ratios in config.ratios]


def cell_shapes(config: Priors, image_size: tuple[int, int], order: str = "caffe") -> list[np.ndarray]:
    """Compute the widths and heights of the priors of one cell of each feature map.

    Args:
        config: Configuration of the priors: their ``shapes``, or their ``sizes``, ``at`` and ``ratios``.
        image_size: Height and width of the network's input, pixels.
        order: Order of the priors in a cell, as :func:`shapes` takes it.

    Returns:
        An array for each map: ``(A, 2)`` float64 widths and heights, pixels.
    """
    if config.shapes:
        return [np.array(cell, np.float64) for cell in config.shapes]
    scale = min(image_size) / config.at
    pairs = zip(pairwise(config.sizes), config.ratios, strict=True)
    return [shapes(size * scale, next_size * scale, ratios, order) for (size, next_size), ratios in pairs]


def prior_grids(maps: Sequence[FeatureMap], config: Priors) -> tuple[Grid, ...]:
    """Layout of each feature map's priors, in the order of :func:`make_priors`."""
    counts = zip(maps, priors_per_cell(config), strict=True)
    return tuple(Grid(fmap.height, fmap.width, count) for fmap, count in counts)


def make_priors(
    maps: Sequence[FeatureMap], config: Priors, image_size: tuple[int, int], order: str = "caffe"
) -> np.ndarray:
    """Make all priors of a network, in the order of its outputs: by map, row, column, then shape.

    Args:
        maps: Feature maps, from the finest to the coarsest.
        config: Sizes, ratios, steps, offset and clipping of the priors.
        image_size: Height and width of the network's input, pixels.
        order: Order of the priors in a cell, as :func:`shapes` takes it.

    Returns:
        ``(P, 4)`` float32 corners ``x0, y0, x1, y1`` relative to the input, whose edges are 0 and 1. Priors may reach
        beyond the edges unless ``config.clip`` is set.

    Raises:
        BadInput: If the sizes, ratios or steps do not fit the number of maps.
    """
    check_maps(maps, config)
    height, width = image_size
    boxes_rel = []
    for i, (fmap, cell) in enumerate(zip(maps, cell_shapes(config, image_size, order), strict=True)):
        step_y, step_x = (config.steps[i],) * 2 if config.steps else (fmap.step_y, fmap.step_x)
        center_y = (np.arange(fmap.height) + config.offset) * step_y
        center_x = (np.arange(fmap.width) + config.offset) * step_x
        centers = np.empty((fmap.height, fmap.width, len(cell), 4))
        centers[..., 0] = center_x[None, :, None]
        centers[..., 1] = center_y[:, None, None]
        centers[..., 2:] = cell
        boxes_rel.append(centers.reshape(-1, 4) / (width, height, width, height))
    return _clipped(np.concatenate(boxes_rel), config.clip).astype(np.float32)


def _clipped(centers_rel: np.ndarray, clip: bool | str) -> np.ndarray:
    """Convert boxes from centres and sizes to corners, clipped as ``Priors.clip`` says."""
    if clip == "centers":
        return to_corners(centers_rel.clip(0, 1))
    if clip == "sizes":
        return to_corners(np.concatenate([centers_rel[:, :2], centers_rel[:, 2:].clip(0, 1)], axis=1))
    corners = to_corners(centers_rel)
    return corners.clip(0, 1) if clip else corners


def check_maps(maps: Sequence[FeatureMap], config: Priors) -> None:
    """Verify that sizes, ratios and steps fit the number of maps.

    Args:
        maps: Feature maps of a network.
        config: Configuration of the priors: their shapes, or sizes and ratios, and their steps.

    Raises:
        BadInput: The number of shapes, sizes, ratios or steps does not fit the number of maps.
    """
    if config.shapes and (len(config.shapes) != len(maps) or not all(config.shapes)):
        raise BadInput(
            "priors.shapes", f"must have {len(maps)} lists of at least one shape, one for each feature map, or be empty"
        )
    if not config.shapes and len(config.sizes) != len(maps) + 1:
        raise BadInput(
            "priors.sizes", f"needs {len(maps) + 1} sizes for {len(maps)} feature maps, but has {len(config.sizes)}"
        )
    if not config.shapes and len(config.ratios) != len(maps):
        raise BadInput(
            "priors.ratios", f"needs {len(maps)} lists, one for each feature map, but has {len(config.ratios)}"
        )
    if config.steps and len(config.steps) != len(maps):
        raise BadInput(
            "priors.steps",
            f"needs {len(maps)} steps, one for each feature map, or none, but has {len(config.steps)}",
        )
