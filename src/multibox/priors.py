"""The prior boxes: where the network looks, and at which sizes and shapes.

Every cell of every feature map has a few boxes around its centre. The network says for each of them what is there and
how to move it; matching says which of them answers for which object. Start reading here, then ``prepare/``.
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
    """A map that the heads look at.

    Attributes:
        name: of its layer.
        height: cells.
        width: cells.
        step_y: pixels of the input between two rows of cells.
        step_x: likewise of columns.
    """

    name: str
    height: int
    width: int
    step_y: float
    step_x: float


class Grid(NamedTuple):
    """How the priors of a map lie in the list of all: by row, column, then shape.

    Attributes:
        height: cells.
        width: cells.
        per_cell: priors of a cell.
    """

    height: int
    width: int
    per_cell: int


def shapes(size: float, next_size: float, ratios: Sequence[float], order: str = "caffe") -> np.ndarray:
    """Widths and heights of the priors of one cell.

    A square of side s, a square of side sqrt(s s') that fills the gap to the next map's size s', and for each ratio r
    a box of s sqrt(r) by s / sqrt(r) and its transpose (Caffe's ``PriorBox`` layer).

    Args:
        size: s, pixels.
        next_size: s', pixels.
        ratios: width over height, each above 1.
        order: ``caffe`` for 2, 1/2, 3, 1/3, or ``five_scripts`` for 2, 3, 1/2, 1/3.

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
    """How many priors a cell of each map has."""
    return [2 + 2 * len(ratios) for ratios in config.ratios]


def prior_grids(maps: Sequence[FeatureMap], config: Priors) -> tuple[Grid, ...]:
    """Which priors belong to which map, in the order of :func:`make_priors`."""
    counts = zip(maps, priors_per_cell(config), strict=True)
    return tuple(Grid(fmap.height, fmap.width, count) for fmap, count in counts)


def make_priors(
    maps: Sequence[FeatureMap], config: Priors, image_size: tuple[int, int], order: str = "caffe"
) -> np.ndarray:
    """All priors of a network, in the order of its outputs: by map, row, column, then shape.

    Args:
        maps: the feature maps, from the finest to the coarsest.
        config: sizes, ratios and the rest.
        image_size: height and width of the network's input, pixels.
        order: Order of the priors of a cell, see :func:`shapes`.

    Returns:
        ``(P, 4)`` float32 corners, relative to the image: 0 and 1 are its edges. Priors may reach beyond them unless
        ``config.clip`` is set.

    Raises:
        BadInput: sizes, ratios or steps do not fit the number of maps.
    """
    _check(maps, config)
    height, width = image_size
    scale = min(height, width) / config.at
    boxes_rel = []
    for i, (fmap, (size, next_size)) in enumerate(zip(maps, pairwise(config.sizes), strict=True)):
        step_y, step_x = (config.steps[i],) * 2 if config.steps else (fmap.step_y, fmap.step_x)
        center_y = (np.arange(fmap.height) + config.offset) * step_y
        center_x = (np.arange(fmap.width) + config.offset) * step_x
        cell = shapes(size * scale, next_size * scale, config.ratios[i], order)  # (A, 2)
        centers = np.empty((fmap.height, fmap.width, len(cell), 4))
        centers[..., 0] = center_x[None, :, None]
        centers[..., 1] = center_y[:, None, None]
        centers[..., 2:] = cell
        boxes_rel.append(centers.reshape(-1, 4) / (width, height, width, height))
    return _clipped(np.concatenate(boxes_rel), config.clip).astype(np.float32)


def _clipped(centers_rel: np.ndarray, clip: bool | str) -> np.ndarray:
    """Centres and sizes as corners, cut off as ``Priors.clip`` says."""
    if clip == "centers":
        return to_corners(centers_rel.clip(0, 1))
    if clip == "sizes":
        return to_corners(np.concatenate([centers_rel[:, :2], centers_rel[:, 2:].clip(0, 1)], axis=1))
    corners = to_corners(centers_rel)
    return corners.clip(0, 1) if clip else corners


def _check(maps: Sequence[FeatureMap], config: Priors) -> None:
    if len(config.sizes) != len(maps) + 1:
        raise BadInput(
            "priors.sizes", f"needs {len(maps) + 1} sizes for {len(maps)} feature maps, has {len(config.sizes)}"
        )
    if len(config.ratios) != len(maps):
        raise BadInput("priors.ratios", f"needs {len(maps)} lists, one a feature map, has {len(config.ratios)}")
    if config.steps and len(config.steps) != len(maps):
        raise BadInput("priors.steps", f"needs {len(maps)} steps, one a feature map, or none, has {len(config.steps)}")
