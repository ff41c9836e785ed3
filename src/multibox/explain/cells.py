"""Cells: the place of each prior on the feature maps, and the priors of one place."""

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
    """The layout of a feature map's priors.

    Attributes:
        index: Index of the map, from the finest.
        height: Number of rows of cells.
        width: Number of columns of cells.
        per_cell: Number of priors in each cell.
        first: Index of the map's first prior.
    """

    index: int
    height: int
    width: int
    per_cell: int
    first: int


@dataclass(frozen=True)
class Place:
    """The place of a prior.

    Attributes:
        index: Index of the prior among all priors.
        map: Index of its map.
        row: Row of its cell.
        column: Column of its cell.
        kind: Position among the priors of the cell: 0 for the square, 1 for the larger square, then the oblong ones.
        ratio: Ratio of width to height in pixels of the input.
    """

    index: int
    map: int
    row: int
    column: int
    kind: int
    ratio: float


@dataclass(frozen=True)
class CellPrior:
    """A prior of a cell.

    Attributes:
        index: Index of the prior among all priors.
        box_rel: Corners, relative to the network's input. They may lie beyond it.
        ratio: Ratio of width to height in pixels of the input.
        pixels: Width and height, pixels of the input.
    """

    index: int
    box_rel: Box
    ratio: float
    pixels: tuple[float, float]


@dataclass(frozen=True)
class Cell:
    """A cell of a feature map.

    Attributes:
        map: Index of the map.
        row: Row of the cell.
        column: Column of the cell.
        priors: Priors of the cell, in their order.
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
    """Find the place of a prior. Priors are ordered by map, row, column, then shape.

    Args:
        index: Index of the prior.
        schema: Schema of the model.
        priors_rel: ``(P, 4)`` priors of the model, relative to its input.

    Returns:
        The place.
    """
    fmap = next(fmap for fmap in reversed(maps_of(schema)) if fmap.first <= index)
    cell, kind = divmod(index - fmap.first, fmap.per_cell)
    row, column = divmod(cell, fmap.width)
    width, height = sides(priors_rel[index], schema.network.size)
    return Place(int(index), fmap.index, int(row), int(column), int(kind), width / height)


def look_at_cell(schema: Schema, priors_rel: np.ndarray, map_index: int, row: int, column: int) -> Cell:
    """Find the priors of one cell.

    Args:
        schema: Schema of the model.
        priors_rel: ``(P, 4)`` priors of the model, relative to its input.
        map_index: Index of the cell's map.
        row: Row of the cell.
        column: Column of the cell.

    Returns:
        The cell.

    Raises:
        BadInput: If there is no such cell.
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
    """Width and height in pixels of a box ``(4,)``, relative to an input of ``size`` (height and width)."""
    width, height = to_centers(box_rel)[2:].tolist()
    return width * size[1], height * size[0]


def as_box(values: Sequence[float] | np.ndarray) -> Box:
    """Convert four numbers to plain floats."""
    a, b, c, d = np.asarray(values).tolist()
    return a, b, c, d


def _check(name: str, value: int, count: int, what: str) -> None:
    if not 0 <= value < count:
        raise BadInput(name, f"{value} is not one of {what}; choose 0 to {count - 1}")
