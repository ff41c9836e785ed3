"""Arrays of boxes grouped by class and padded, so that one array operation processes all groups."""

import numpy as np

from multibox.boxes import areas


def number(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the groups of a sorted array from 0, and the members of each group from 0.

    Args:
        groups: ``(N,)`` sorted integers. Equal integers form a group.

    Returns:
        ``(N,)`` index of each member's group, from 0, and ``(N,)`` rank of each member within its group, from 0.
    """
    begins = np.diff(groups, prepend=-1) != 0
    of = np.cumsum(begins) - 1
    return of, np.arange(len(groups)) - np.flatnonzero(begins)[of]


def pad(members: np.ndarray, of: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Arrange members in one row per group, padded with zeros.

    Args:
        members: ``(N,)`` integers to arrange.
        of: ``(N,)`` index of each member's group, as :func:`number` returns it.
        rank: ``(N,)`` rank of each member within its group.

    Returns:
        ``(G, K)`` members of the G groups, at most K in each, and ``(G, K)`` bool, False for padding.
    """
    shape = (of.max(initial=-1) + 1, rank.max(initial=-1) + 1)
    rows, real = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
    rows[of, rank], real[of, rank] = members, True
    return rows, real


def squeeze(rows: np.ndarray, real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move the members of each row of a padded array ``(G, K)`` to the front, and drop columns of padding alone."""
    widest = real.sum(axis=1).max(initial=0)
    order = np.argsort(~real, axis=1, kind="stable")[:, :widest]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(real, order, axis=1)


def gather(boxes: np.ndarray, rows: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Gather boxes ``(N, 4)`` into ``(G, K, 4)``, by padded rows of indices. Padding becomes boxes without area."""
    return np.where(real[..., None], boxes[rows], 0)


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union within each group, as in :func:`multibox.boxes.iou`.

    Args:
        a: ``(G, N, 4)`` corners x0, y0, x1, y1, in any unit.
        b: ``(G, M, 4)`` corners x0, y0, x1, y1, in the units of ``a``.

    Returns:
        ``(G, N, M)`` IoU in [0, 1], which is 0 if both boxes are empty.
    """
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = _edges(a[:, :, None]), _edges(b[:, None])
    overlap = _extent(ax0, ax1, bx0, bx1)
    overlap *= _extent(ay0, ay1, by0, by1)
    union = areas(a)[:, :, None] + areas(b)[:, None]
    union -= overlap
    np.maximum(union, np.finfo(np.float32).tiny, out=union)
    return np.divide(overlap, union, out=overlap)


def _edges(boxes: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.ascontiguousarray(boxes[..., i]) for i in range(4))


def _extent(a0: np.ndarray, a1: np.ndarray, b0: np.ndarray, b1: np.ndarray) -> np.ndarray:
    """The length that two boxes share on an axis. Computed in place, as allocating such arrays costs the most."""
    shared = np.minimum(a1, b1)
    shared -= np.maximum(a0, b0)
    return np.maximum(shared, 0, out=shared)
