"""ATSS: matching with an IoU threshold computed for each object (arXiv 1912.02424, section 4, algorithm 1)."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from multibox.boxes import paired_iou, to_centers
from multibox.overlaps import neighbours, overlapping
from multibox.prepare.match import LEAST_IOU, NO_OBJECT, match_exclusively
from multibox.priors import Grid

ROUNDING: Final = 1e-6
"""Relative rounding error of a distance that is tolerated when distances are compared."""


def match_atss(boxes_rel: np.ndarray, priors_rel: np.ndarray, grids: Sequence[Grid], candidates: int) -> np.ndarray:
    """Match priors to objects by ATSS.

    On every feature map, the priors nearest to an object are its candidates. The object's threshold is the mean of the
    candidates' IoUs plus their standard deviation. Candidates that reach the threshold, and whose centre lies inside
    the object, are matched to it. A prior claimed by two objects goes to the one it overlaps more; ties go to the first
    object.

    The paper leaves out objects without such a prior, for example those smaller than a cell. Here such an object gets
    the free prior it overlaps most, as in :func:`~multibox.prepare.match.match`, so no object is left out.

    Args:
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the image. N may be 0.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the priors, relative to the image.
        grids: Layout of the priors on each feature map (rows, columns, priors per cell), in the order of the priors.
        candidates: Smallest number of candidates on each map. All priors of a cell are taken together, so there may be
            more.

    Returns:
        ``(P,)`` int64: the position of each prior's object, or -1 for none.
    """
    if sum(grid.height * grid.width * grid.per_cell for grid in grids) != len(priors_rel):
        raise ValueError(f"the grids do not have {len(priors_rel)} priors in all")
    matches = np.full(len(priors_rel), NO_OBJECT)
    if len(boxes_rel) == 0 or len(priors_rel) == 0:
        return matches
    objects, priors, overlaps = choose(boxes_rel, priors_rel, candidates_of(boxes_rel, priors_rel, grids, candidates))
    last_wins = np.lexsort((-objects, overlaps))  # the object it overlaps most, and of equal ones the first
    matches[priors[last_wins]] = objects[last_wins]
    forgotten, free = np.setdiff1d(np.arange(len(boxes_rel)), matches), np.flatnonzero(matches == NO_OBJECT)
    if forgotten.size and free.size:
        objects, priors = match_exclusively(list(overlapping(boxes_rel[forgotten], priors_rel[free])))
        matches[free[priors]] = forgotten[objects]
    return matches


def choose(
    boxes_rel: np.ndarray, priors_rel: np.ndarray, near: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Choose the candidates to match to each object.

    Args:
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the image.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the priors, relative to the image.
        near: ``(N, K)`` indices into the priors: the candidates of each object.

    Returns:
        ``(M,)`` positions of objects, ``(M,)`` positions of the priors chosen for them, and ``(M,)`` IoUs of these
        pairs. M may be 0.
    """
    boxes, priors = boxes_rel[:, None], priors_rel[near]  # (N, 1, 4) and (N, K, 4)
    overlaps = paired_iou(boxes, priors)  # (N, K)
    threshold = np.maximum(overlaps.mean(axis=1) + overlaps.std(axis=1), LEAST_IOU)
    centers = to_centers(priors)[..., :2]
    inside = ((centers > boxes[..., :2]) & (centers < boxes[..., 2:])).all(axis=-1)
    objects, chosen = np.nonzero((overlaps >= threshold[:, None]) & inside)
    return objects, near[objects, chosen], overlaps[objects, chosen]


def candidates_of(boxes_rel: np.ndarray, priors_rel: np.ndarray, grids: Sequence[Grid], count: int) -> np.ndarray:
    """Find the candidates of each object on all maps.

    Args:
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the image.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the priors, relative to the image.
        grids: Layout of the priors on each feature map (rows, columns, priors per cell), in the order of the priors.
        count: Smallest number of candidates of an object on each map. All priors of a cell are taken together, so there
            may be more.

    Returns:
        ``(N, K)`` indices into the priors: the candidates of each object.
    """
    blocks, by_map, first = list(neighbours(boxes_rel)), [], 0
    for grid in grids:
        cells = grid.height * grid.width
        of_map = slice(first, first + cells * grid.per_cell)
        near = near_cells(boxes_rel, priors_rel[of_map], grid, count, blocks)[..., None] * grid.per_cell  # (N, K, 1)
        by_map.append((first + near + np.arange(grid.per_cell)).reshape(len(boxes_rel), -1))
        first = of_map.stop
    return np.concatenate(by_map, axis=1)


def near_cells(
    boxes_rel: np.ndarray, priors_rel: np.ndarray, grid: Grid, count: int, blocks: Iterable[np.ndarray]
) -> np.ndarray:
    """Find the cells of a map whose centres are nearest to the centres of objects.

    All priors of a cell share its centre, so none of them is nearer than the others. Therefore whole cells are taken,
    as few as needed for ``count`` priors. Equally near cells are taken in the order of the map.

    Distances are measured in cells. Relative coordinates would distort them for images that are not square.

    Args:
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the image.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the map's priors, relative to the image.
        grid: Layout of the map's priors: rows, columns, and priors per cell.
        count: Smallest number of priors in the cells found for an object. All cells are taken if the map has fewer
            priors.
        blocks: Groups of neighbouring objects, as arrays of positions. Every object is in exactly one group.

    Returns:
        ``(N, K)`` positions of each object's nearest cells in the map, counted row by row, the nearest first.
    """
    cells = to_centers(priors_rel[:: grid.per_cell])[:, :2] * (grid.width, grid.height)  # (M, 2)
    objects = to_centers(boxes_rel)[:, :2] * (grid.width, grid.height)  # (N, 2)
    near = np.empty((len(objects), min(len(cells), -(-count // grid.per_cell))), np.int64)
    for rows in blocks:
        around = _cells_around(objects[rows], cells, near.shape[1])  # (C,)
        distances = np.square(objects[rows, None] - cells[around]).sum(axis=-1)
        near[rows] = around[np.argsort(distances, axis=1, kind="stable")[:, : near.shape[1]]]
    return near


def _cells_around(objects: np.ndarray, cells: np.ndarray, count: int) -> np.ndarray:
    """Find the cells that may be among the nearest of any of some objects.

    From the middle of the objects, none is further than r, and the ``count`` nearest cells are within d. So from any
    object these cells are within d + r, and its nearest are no further. They are then within d + 2 r of the middle.

    Args:
        objects: ``(N, 2)`` centres of the objects.
        cells: ``(M, 2)`` centres of the cells, in the units of ``objects``.
        count: Number of nearest cells, at most M.

    Returns:
        ``(C,)`` positions in ``cells``, in rising order.
    """
    middle = objects.mean(axis=0)
    radius = np.linalg.norm(objects - middle, axis=1).max()
    distances = np.linalg.norm(cells - middle, axis=1)
    reach = np.partition(distances, count - 1)[count - 1] + 2 * radius
    return np.flatnonzero(distances <= reach * (1 + ROUNDING))
