"""ATSS: each object sets its own threshold of matching (arXiv 1912.02424, section 4, algorithm 1)."""

from collections.abc import Iterator, Sequence

import numpy as np

from multibox.boxes import iou, to_centers
from multibox.prepare.match import LEAST_IOU, NO_OBJECT, match_exclusively
from multibox.priors import Grid


def match_atss(boxes_rel: np.ndarray, priors_rel: np.ndarray, grids: Sequence[Grid], candidates: int) -> np.ndarray:
    """Match priors to objects.

    On every feature map, the priors nearest to an object are its candidates. The object's threshold is the mean of the
    candidates' IoUs plus their standard deviation. Candidates that reach the threshold, and whose centre lies inside
    the object, are matched to it. A prior claimed by two objects goes to the one it overlaps more; ties go to the first
    object.

    The paper leaves out objects without such a prior, for example those smaller than a cell. Here such an object gets
    the free prior it overlaps most, as in :func:`~multibox.prepare.match.match`, so no object is left out.

    Args:
        boxes_rel: ``(N, 4)`` corners of the objects, relative to the image. N may be 0.
        priors_rel: ``(P, 4)`` corners of the priors, relative to the image.
        grids: Grids of the feature maps, in the order of the priors.
        candidates: Smallest number of candidates on each map. The priors of whole cells are taken, so there may be
            more.

    Returns:
        ``(P,)`` int64: the position of each prior's object, or -1 for none.
    """
    if sum(grid.height * grid.width * grid.per_cell for grid in grids) != len(priors_rel):
        raise ValueError(f"the grids are not those of {len(priors_rel)} priors")
    matches = np.full(len(priors_rel), NO_OBJECT)
    if len(boxes_rel) == 0 or len(priors_rel) == 0:
        return matches
    best = np.zeros(len(priors_rel), np.float32)  # the IoU of each prior with its object
    for i, near in enumerate(candidates_of(boxes_rel, priors_rel, grids, candidates)):
        chosen, overlaps = choose(boxes_rel[i], priors_rel, near)
        better = overlaps > best[chosen]
        matches[chosen[better]] = i
        best[chosen[better]] = overlaps[better]
    forgotten, free = np.setdiff1d(np.arange(len(boxes_rel)), matches), np.flatnonzero(matches == NO_OBJECT)
    if forgotten.size and free.size:
        objects, priors = match_exclusively(iou(boxes_rel[forgotten], priors_rel[free]))
        matches[free[priors]] = forgotten[objects]
    return matches


def choose(box_rel: np.ndarray, priors_rel: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose the candidates to match to an object.

    Args:
        box_rel: ``(4,)`` corners of the object, relative to the image.
        priors_rel: ``(P, 4)`` corners of the priors, relative to the image.
        near: ``(K,)`` positions of the candidates among the priors.

    Returns:
        ``(M,)`` positions of the chosen priors, and ``(M,)`` their IoUs with the object. M may be 0.
    """
    overlaps = iou(box_rel[None], priors_rel[near])[0]  # (K,)
    threshold = max(overlaps.mean() + overlaps.std(), LEAST_IOU)
    centers = to_centers(priors_rel[near])[:, :2]
    inside = ((centers > box_rel[:2]) & (centers < box_rel[2:])).all(axis=1)
    chosen = (overlaps >= threshold) & inside
    return near[chosen], overlaps[chosen]


def candidates_of(
    boxes_rel: np.ndarray, priors_rel: np.ndarray, grids: Sequence[Grid], count: int
) -> Iterator[np.ndarray]:
    """Find the candidates of each object on all maps.

    Args:
        boxes_rel: ``(N, 4)`` corners of the objects, relative to the image.
        priors_rel: ``(P, 4)`` corners of the priors, relative to the image.
        grids: Grids of the feature maps, in the order of the priors.
        count: Smallest number of candidates of an object on each map. The priors of whole cells are taken, so there may
            be more.

    Returns:
        Array ``(K,)`` of positions among the priors, for each object in turn.
    """
    by_map, first = [], 0
    for grid in grids:
        cells = grid.height * grid.width
        of_map = slice(first, first + cells * grid.per_cell)
        near = near_cells(boxes_rel, priors_rel[of_map], grid, count)[..., None] * grid.per_cell  # (N, K, 1)
        by_map.append((first + near + np.arange(grid.per_cell)).reshape(len(boxes_rel), -1))
        first = of_map.stop
    return iter(np.concatenate(by_map, axis=1))


def near_cells(boxes_rel: np.ndarray, priors_rel: np.ndarray, grid: Grid, count: int) -> np.ndarray:
    """Find the cells of a map whose centres are nearest to the centres of objects.

    All priors of a cell share its centre, so none of them is nearer than the others. Therefore whole cells are taken,
    as few as are needed to hold ``count`` priors. Equally near cells are taken in the order of the map.

    Distances are measured in cells. Relative coordinates would distort them for images that are not square.

    Args:
        boxes_rel: ``(N, 4)`` corners of the objects, relative to the image.
        priors_rel: ``(P, 4)`` corners of the map's priors, relative to the image.
        grid: Grid of the map.
        count: Smallest number of priors in the cells, if the map has that many.

    Returns:
        ``(N, K)`` positions of cells on the map, row after row, the nearest to each object first.
    """
    cells = to_centers(priors_rel[:: grid.per_cell])[:, :2] * (grid.width, grid.height)  # (M, 2)
    objects = to_centers(boxes_rel)[:, :2] * (grid.width, grid.height)  # (N, 2)
    distances = np.square(objects[:, None] - cells[None]).sum(axis=-1)  # (N, M)
    return np.argsort(distances, axis=1, kind="stable")[:, : -(-count // grid.per_cell)]
