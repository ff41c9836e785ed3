"""Cells of the feature maps: the position of each prior, and the priors of each cell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multibox.boxes import to_centers
from multibox.errors import BadInput
from multibox.models.schema import Schema
from multibox.priors import prior_grids

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Map:
    """The layout of the priors on one feature map.

    Attributes:
        index: Index of the feature map, from 0 for the finest.
        height: Number of rows of cells.
        width: Number of columns of cells.
        per_cell: Number of priors in each cell.
        first: Index of the map's first prior among all priors.
    """

    index: int
    height: int
    width: int
    per_cell: int
    first: int


@dataclass(frozen=True)
class Place:
    """The position of a prior: its feature map, its cell, and its index in the cell.

    Attributes:
        index: Index of the prior among all priors, from 0.
        map: Index of the prior's feature map, from 0 for the finest.
        row: Row of the prior's cell, from 0 at the top.
        column: Column of the prior's cell, from 0 at the left.
        kind: Index of the prior among the priors of its cell: 0 for the square, 1 for the larger square, then the
            oblong priors.
        ratio: Ratio of the prior's width to its height, in pixels of the network's input.
    """

    index: int
    map: int
    row: int
    column: int
    kind: int
    ratio: float


@dataclass(frozen=True)
class CellPrior:
    """One of the priors of a cell.

    Attributes:
        index: Index of the prior among all priors, from 0.
        box_rel: Corners x0, y0, x1, y1 of the prior, relative to the network's input. They may be outside [0, 1].
        ratio: Ratio of the prior's width to its height, in pixels of the network's input.
        pixels: Width and height of the prior in pixels of the network's input.
    """

    index: int
    box_rel: Box
    ratio: float
    pixels: tuple[float, float]


@dataclass(frozen=True)
class Cell:
    """A cell of a feature map, with its priors.

    Attributes:
        map: Index of the feature map, from 0 for the finest.
        row: Row of the cell, from 0 at the top.
        column: Column of the cell, from 0 at the left.
        priors: Priors of the cell: the square, the larger square, then the oblong priors.
    """

    map: int
    row: int
    column: int
    priors: tuple[CellPrior, ...]


def maps_of(schema: Schema) -> tuple[Map, ...]:
    """The feature maps that feed a network's heads, from the finest to the coarsest."""
    maps, first = [], 0
    for index, (height, width, per_cell) in enumerate(prior_grids(schema.maps, schema.priors)):
        maps.append(Map(index, height, width, per_cell, first))
        first += height * width * per_cell
    return tuple(maps)


def place_of(index: int, schema: Schema, priors_rel: np.ndarray) -> Place:
    """Find the feature map, the cell and the position in the cell of a prior.

    Priors are ordered by map, row, column, then shape.

    Args:
        index: Index of the prior among all priors, from 0.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of all priors of the model, relative to the network's input.

    Returns:
        Map, row, column and shape of the prior.
    """
    fmap = next(fmap for fmap in reversed(maps_of(schema)) if fmap.first <= index)
    cell, kind = divmod(index - fmap.first, fmap.per_cell)
    row, column = divmod(cell, fmap.width)
    width, height = sides(priors_rel[index], schema.network.size)
    return Place(int(index), fmap.index, int(row), int(column), int(kind), width / height)


def look_at_cell(schema: Schema, priors_rel: np.ndarray, map_index: int, row: int, column: int) -> Cell:
    """Find the priors of one cell of a feature map.

    Args:
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of all priors of the model, relative to the network's input.
        map_index: Index of the feature map, from 0 for the finest.
        row: Row of the cell, from 0 at the top.
        column: Column of the cell, from 0 at the left.

    Returns:
        The cell with its priors.

    Raises:
        BadInput: If the model has no such map, or the map no such cell.
    """
    maps = maps_of(schema)
    _check("map", map_index, len(maps), "the model's maps")
    fmap = maps[map_index]
    _check("row", row, fmap.height, f"the rows of map {map_index}")
    _check("column", column, fmap.width, f"the columns of map {map_index}")
    first = fmap.first + (row * fmap.width + column) * fmap.per_cell
    priors = []
    for index in range(first, first + fmap.per_cell):
        width, height = sides(priors_rel[index], schema.network.size)
        priors.append(CellPrior(index, as_box(priors_rel[index]), width / height, (width, height)))
    return Cell(map_index, row, column, tuple(priors))


def sides(box_rel: np.ndarray, size: tuple[int, int]) -> tuple[float, float]:
    """Width and height in pixels of a box ``(4,)`` that is relative to an input of ``size`` (height, width)."""
    width, height = to_centers(box_rel)[2:].tolist()
    return width * size[1], height * size[0]


def as_box(values: Sequence[float] | np.ndarray) -> Box:
    """Convert the four corners of a box to Python floats."""
    a, b, c, d = np.asarray(values).tolist()
    return a, b, c, d


def _check(name: str, value: int, count: int, what: str) -> None:
    if not 0 <= value < count:
        raise BadInput(name, f"{value} is not one of {what}; choose 0 to {count - 1}")
