"""Cells: where on the feature maps each prior lies, and which priors look at one place."""

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
    """A feature map, as far as priors go.

    Attributes:
        index: its place among the maps, from the finest.
        height: cells.
        width: cells.
        per_cell: priors of a cell.
        first: the index of its first prior.
    """

    index: int
    height: int
    width: int
    per_cell: int
    first: int


@dataclass(frozen=True)
class Place:
    """Where a prior lies.

    Attributes:
        index: of the prior, among all.
        map: index of its map.
        row: of its cell.
        column: of its cell.
        kind: its place among the priors of the cell: 0 the square, 1 the larger square, then the oblong ones.
        ratio: width over height, pixels of the input.
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
        index: among all priors.
        box_rel: corners, relative to the network's input; they may lie beyond it.
        ratio: width over height, pixels of the input.
        pixels: width and height, pixels of the input.
    """

    index: int
    box_rel: Box
    ratio: float
    pixels: tuple[float, float]


@dataclass(frozen=True)
class Cell:
    """A cell of a map, and its priors."""

    map: int
    row: int
    column: int
    priors: tuple[CellPrior, ...]


def maps_of(schema: Schema) -> tuple[Map, ...]:
    """The maps that a network's heads look at, from the finest to the coarsest."""
    maps, first = [], 0
    for index, (height, width, per_cell) in enumerate(prior_grids(schema.maps, schema.priors)):
        maps.append(Map(index, height, width, per_cell, first))
        first += height * width * per_cell
    return tuple(maps)


def place_of(index: int, schema: Schema, priors_rel: np.ndarray) -> Place:
    """Where a prior lies: priors are counted by map, row, column, then shape.

    Args:
        index: of the prior.
        schema: of the model.
        priors_rel: ``(P, 4)`` its priors.

    Returns:
        the place.
    """
    fmap = next(fmap for fmap in reversed(maps_of(schema)) if fmap.first <= index)
    cell, kind = divmod(index - fmap.first, fmap.per_cell)
    row, column = divmod(cell, fmap.width)
    width, height = sides(priors_rel[index], schema.network.size)
    return Place(int(index), fmap.index, int(row), int(column), int(kind), width / height)


def look_at_cell(schema: Schema, priors_rel: np.ndarray, map_index: int, row: int, column: int) -> Cell:
    """The priors of one cell.

    Args:
        schema: of the model.
        priors_rel: ``(P, 4)`` its priors.
        map_index: of the cell's map.
        row: of the cell.
        column: of the cell.

    Returns:
        the cell.

    Raises:
        BadInput: there is no such cell.
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
    """Width and height in pixels of a box ``(4,)`` that is relative to an input of ``size`` height and width."""
    width, height = to_centers(box_rel)[2:].tolist()
    return width * size[1], height * size[0]


def as_box(values: Sequence[float] | np.ndarray) -> Box:
    """Four numbers as plain floats."""
    a, b, c, d = np.asarray(values).tolist()
    return a, b, c, d


def _check(name: str, value: int, count: int, what: str) -> None:
    if not 0 <= value < count:
        raise BadInput(name, f"{value} is not one of {what}; they are counted from 0 to {count - 1}")
