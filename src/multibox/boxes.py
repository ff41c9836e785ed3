"""Boxes: intersection over union, encoding, decoding, clipping, and conversions between formats.

A box is ``x0, y0, x1, y1``, continuous and 0-based. The numbers are the edges of a region, not the centres of its outer
pixels. So its width is ``x1 - x0``, and not ``x1 - x0 + 1``. Arrays of boxes are ``(..., 4)``.

Encoding and decoding take the array namespace they compute with: NumPy (the default) in preparation and detection,
``keras.ops`` inside a network. So training and detection always use the same formulas.
"""

from types import ModuleType
from typing import Any

import numpy as np

Array = Any

VARIANCES = (0.1, 0.1, 0.2, 0.2)
"""Numbers that the four deltas ``cx, cy, w, h`` are divided by (Caffe's ``prior_variance``)."""


def areas(boxes: np.ndarray) -> np.ndarray:
    """Areas of boxes. An inverted box has the area 0.

    Args:
        boxes: ``(..., 4)`` corners x0, y0, x1, y1, in any unit.

    Returns:
        ``(...)`` areas, in squared units of the boxes.
    """
    width = boxes[..., 2] - boxes[..., 0]
    height = boxes[..., 3] - boxes[..., 1]
    return np.maximum(width, 0) * np.maximum(height, 0)


def intersections(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Area of the intersection of every box of ``a`` with every box of ``b``.

    Args:
        a: ``(N, 4)`` corners x0, y0, x1, y1, in any unit.
        b: ``(M, 4)`` corners x0, y0, x1, y1, in the same units.

    Returns:
        ``(N, M)`` areas, in squared units of the boxes.
    """
    return _intersections(a[:, None], b[None])


def _intersections(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    return np.maximum(width, 0) * np.maximum(height, 0)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of every box of ``a`` with every box of ``b``.

    Args:
        a: ``(N, 4)`` corners x0, y0, x1, y1, in any unit.
        b: ``(M, 4)`` corners x0, y0, x1, y1, in the same units.

    Returns:
        ``(N, M)`` IoUs in [0, 1]; 0 if both boxes are empty.
    """
    return paired_iou(a[:, None], b[None])


def paired_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each box of ``a`` with the box of ``b`` at the same position.

    Args:
        a: ``(..., 4)`` corners x0, y0, x1, y1, in any unit.
        b: ``(..., 4)`` corners x0, y0, x1, y1 in the same units, of a shape that broadcasts with that of ``a``.

    Returns:
        ``(...)`` IoUs in [0, 1]; 0 if both boxes are empty.
    """
    overlap = _intersections(a, b)
    union = areas(a) + areas(b) - overlap
    return overlap / np.maximum(union, np.finfo(np.float32).tiny)


def coverage(boxes: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Share of each box's area that lies inside ``region``.

    Args:
        boxes: ``(N, 4)`` corners x0, y0, x1, y1, in any unit.
        region: ``(4,)`` corners x0, y0, x1, y1 of the region, in the same units.

    Returns:
        ``(N,)`` shares of the boxes' areas that lie inside the region, in [0, 1].
    """
    inside = intersections(boxes, region[None])[:, 0]
    return inside / np.maximum(areas(boxes), np.finfo(np.float32).tiny)


def clip(boxes: np.ndarray, width: float, height: float) -> np.ndarray:
    """Clip boxes ``(..., 4)`` at the edges of an image of ``width`` x ``height``."""
    limits = np.array([width, height, width, height], dtype=boxes.dtype)
    return np.minimum(np.maximum(boxes, 0), limits)


def to_centers(boxes: Array, xp: ModuleType = np) -> Array:
    """Convert ``x0, y0, x1, y1`` to ``cx, cy, w, h``.

    Args:
        boxes: ``(..., 4)`` corners x0, y0, x1, y1, in any unit.
        xp: Array namespace, ``numpy`` or ``keras.ops``.

    Returns:
        ``(..., 4)`` centres and sizes ``cx, cy, w, h``, in the units of ``boxes``.
    """
    low, high = boxes[..., :2], boxes[..., 2:]
    return xp.concatenate([(low + high) / 2, high - low], axis=-1)


def to_corners(centers: Array, xp: ModuleType = np) -> Array:
    """Convert ``cx, cy, w, h`` to ``x0, y0, x1, y1``: the inverse of :func:`to_centers`."""
    middle, half = centers[..., :2], centers[..., 2:] / 2
    return xp.concatenate([middle - half, middle + half], axis=-1)


def encode(boxes: Array, priors: Array, variances: tuple[float, ...] = VARIANCES, xp: ModuleType = np) -> Array:
    """Express boxes as deltas from priors, the numbers that the network learns to predict.

    SSD section 2.2, equation 2: the shift of the centre in units of the prior's size, and the logarithm of the ratio
    of sizes. Each number is then divided by its variance.

    Args:
        boxes: ``(..., 4)`` corners x0, y0, x1, y1 with positive width and height.
        priors: ``(..., 4)`` corners x0, y0, x1, y1 of the priors, in the units of ``boxes``.
        variances: Divisors of the deltas ``cx, cy, w, h``.
        xp: Array namespace, ``numpy`` or ``keras.ops``.

    Returns:
        ``(..., 4)`` dimensionless deltas ``cx, cy, w, h``.
    """
    box, prior = to_centers(boxes, xp), to_centers(priors, xp)
    shift = (box[..., :2] - prior[..., :2]) / prior[..., 2:]
    scale = xp.log(box[..., 2:] / prior[..., 2:])
    return xp.concatenate([shift, scale], axis=-1) / xp.array(variances, dtype=box.dtype)


def decode(deltas: Array, priors: Array, variances: tuple[float, ...] = VARIANCES, xp: ModuleType = np) -> Array:
    """Convert deltas to boxes: the inverse of :func:`encode`.

    Args:
        deltas: ``(..., 4)`` deltas, as :func:`encode` returns them.
        priors: ``(..., 4)`` corners x0, y0, x1, y1 of the priors, in any unit.
        variances: Factors of the deltas ``cx, cy, w, h``: the divisors of :func:`encode`.
        xp: Array namespace, ``numpy`` or ``keras.ops``.

    Returns:
        ``(..., 4)`` corners x0, y0, x1, y1 of the boxes in the units of ``priors``, not clipped to the image.
    """
    return to_corners(decode_centers(deltas, priors, variances, xp), xp)


def decode_centers(
    deltas: Array, priors: Array, variances: tuple[float, ...] = VARIANCES, xp: ModuleType = np
) -> Array:
    """Decode deltas to centres and sizes ``cx, cy, w, h``: the first half of :func:`decode`."""
    delta, prior = deltas * xp.array(variances, dtype=deltas.dtype), to_centers(priors, xp)
    middle = prior[..., :2] + delta[..., :2] * prior[..., 2:]
    size = prior[..., 2:] * xp.exp(delta[..., 2:])
    return xp.concatenate([middle, size], axis=-1)
