"""Pairs tracks with detections, so that the sum of their likenesses is largest."""

import numpy as np

from multibox.errors import BadInput, install


def pair(likeness: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Choose pairs of rows and columns with the largest sum (the assignment problem).

    Args:
        likeness: ``(N, M)`` likeness of each track with each detection, at least 0.
        least: Least likeness of a pair.

    Returns:
        ``(K,)`` rows and ``(K,)`` columns of the pairs, each row and each column at most once.

    Raises:
        BadInput: The package scipy is not installed.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError:
        raise BadInput("scipy", f"tracking needs this package; {install('track')}") from None
    rows, columns = linear_sum_assignment(np.where(likeness >= least, likeness, 0), maximize=True)
    kept = likeness[rows, columns] >= least
    return rows[kept], columns[kept]
