"""Boxes of several classes side by side, so that one array operation serves all classes at once."""

import numpy as np

from multibox.boxes import areas


def number(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number groups, and the members of each, from 0.

    Args:
        groups: ``(N,)`` integers, sorted.

    Returns:
        ``(N,)`` the number of the member's group, and ``(N,)`` its rank within the group.
    """
    begins = np.diff(groups, prepend=-1) != 0
    of = np.cumsum(begins) - 1
    return of, np.arange(len(groups)) - np.flatnonzero(begins)[of]


def pad(members: np.ndarray, of: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay members out as a row for each group, filled up with zeros.

    Args:
        members: ``(N,)`` integers.
        of: ``(N,)`` the group of each, as :func:`number` gives it.
        rank: ``(N,)`` its rank there.

    Returns:
        ``(G, K)`` the members, and ``(G, K)`` bool: which of them are real.
    """
    shape = (of.max(initial=-1) + 1, rank.max(initial=-1) + 1)
    rows, real = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
    rows[of, rank], real[of, rank] = members, True
    return rows, real


def squeeze(rows: np.ndarray, real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move the real members ``(G, K)`` of each row to its front, and cut off the columns that are left without any."""
    widest = real.sum(axis=1).max(initial=0)
    order = np.argsort(~real, axis=1, kind="stable")[:, :widest]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(real, order, axis=1)


def gather(boxes: np.ndarray, rows: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Boxes ``(N, 4)`` at padded places as ``(G, K, 4)``; those that are not real have no area and overlap nothing."""
    return np.where(real[..., None], boxes[rows], 0)


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union within each group, as :func:`multibox.boxes.iou` has it.

    Args:
        a: ``(G, N, 4)``.
        b: ``(G, M, 4)``.

    Returns:
        ``(G, N, M)`` in [0, 1]; 0 where both boxes are empty.
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
    """How much of an axis two boxes share; in place, as new arrays of this size are what costs most."""
    shared = np.minimum(a1, b1)
    shared -= np.maximum(a0, b0)
    return np.maximum(shared, 0, out=shared)
