"""Losses of boxes by their overlap: GIoU (arXiv 1902.09630), DIoU and CIoU (arXiv 1911.08287).

Each function compares every box of one array with the box at the same position of another. It is 0 for equal boxes.
Widths and heights must be positive, as those of decoded deltas are. Distances and aspect ratios need a unit that is the
same along both axes, such as the pixel.
"""

from math import pi
from types import ModuleType

from multibox.boxes import Array
from multibox.losses import numpy_ops

TINY = 1e-9
"""Smallest denominator, which prevents a division by 0."""


def intersection_and_union(a: Array, b: Array, xp: ModuleType = numpy_ops) -> tuple[Array, Array]:
    """Areas of the intersection and of the union of each box in ``a`` with the box of ``b`` at the same position.

    Args:
        a: ``(..., 4)`` corners x0, y0, x1, y1 of boxes, in a unit that is the same along both axes.
        b: ``(..., 4)`` corners x0, y0, x1, y1 of the box that each box of ``a`` is compared with, in the same units.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(...)`` areas of the intersections, and ``(...)`` areas of the unions.
    """
    sides = xp.maximum(xp.minimum(a[..., 2:], b[..., 2:]) - xp.maximum(a[..., :2], b[..., :2]), 0.0)
    intersection = sides[..., 0] * sides[..., 1]
    return intersection, area(a) + area(b) - intersection


def paired_iou(a: Array, b: Array, xp: ModuleType = numpy_ops) -> Array:
    """IoU ``(...)`` of each box of one array with the box at the same position of another, both ``(..., 4)``."""
    intersection, union = intersection_and_union(a, b, xp)
    return intersection / xp.maximum(union, TINY)


def giou_loss(found: Array, wanted: Array, xp: ModuleType = numpy_ops) -> Array:
    """``1 - IoU + |C - A u B| / |C|``, where C is the smallest box around both (arXiv 1902.09630, algorithm 2).

    Args:
        found: ``(..., 4)`` corners x0, y0, x1, y1 of the predicted boxes, in a unit that is the same along both axes.
        wanted: ``(..., 4)`` corners x0, y0, x1, y1 of the target boxes, in a unit that is the same along both axes.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(...)`` losses in [0, 2].
    """
    intersection, union = intersection_and_union(found, wanted, xp)
    around = area(enclosing(found, wanted, xp))
    return 1.0 - intersection / xp.maximum(union, TINY) + (around - union) / xp.maximum(around, TINY)


def diou_loss(found: Array, wanted: Array, xp: ModuleType = numpy_ops) -> Array:
    """``1 - IoU + d^2 / c^2`` (arXiv 1911.08287, equation 7).

    d is the distance of the centres, and c the diagonal of the smallest box around both.

    Args:
        found: ``(..., 4)`` corners x0, y0, x1, y1 of the predicted boxes, in a unit that is the same along both axes.
        wanted: ``(..., 4)`` corners x0, y0, x1, y1 of the target boxes, in a unit that is the same along both axes.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(...)`` losses in [0, 2].
    """
    apart = (found[..., :2] + found[..., 2:] - wanted[..., :2] - wanted[..., 2:]) / 2
    around = enclosing(found, wanted, xp)
    diagonal = around[..., 2:] - around[..., :2]
    distance = xp.sum(apart * apart, axis=-1) / xp.maximum(xp.sum(diagonal * diagonal, axis=-1), TINY)
    return 1.0 - paired_iou(found, wanted, xp) + distance


def ciou_loss(found: Array, wanted: Array, xp: ModuleType = numpy_ops) -> Array:
    """The DIoU loss plus ``alpha v``, where v is the difference of aspect ratios (arXiv 1911.08287, equations 8 to 11).

    Alpha gives v more weight, the more the boxes overlap. As in the authors' code, no gradient runs through alpha. The
    authors also replace the factor 1 / (w^2 + h^2) in the gradient of v, which explodes for small boxes. That is not
    necessary here: w and h are exponentials of deltas, so their own gradients are w and h.

    Args:
        found: ``(..., 4)`` corners x0, y0, x1, y1 of the predicted boxes, in a unit that is the same along both axes.
        wanted: ``(..., 4)`` corners x0, y0, x1, y1 of the target boxes, in a unit that is the same along both axes.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(...)`` losses in [0, 3].
    """
    v = 4 / pi**2 * xp.square(angle(wanted, xp) - angle(found, xp))
    alpha = xp.stop_gradient(v / xp.maximum(1.0 - paired_iou(found, wanted, xp) + v, TINY))
    return diou_loss(found, wanted, xp) + alpha * v


def angle(boxes: Array, xp: ModuleType = numpy_ops) -> Array:
    """``arctan(w / h)`` of boxes ``(..., 4)``."""
    return xp.arctan2(boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1])


def area(boxes: Array) -> Array:
    """Areas ``(...)`` of boxes ``(..., 4)``."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def enclosing(a: Array, b: Array, xp: ModuleType = numpy_ops) -> Array:
    """The smallest box ``(..., 4)`` around each pair of boxes."""
    low = xp.minimum(a[..., :2], b[..., :2])
    return xp.concatenate([low, xp.maximum(a[..., 2:], b[..., 2:])], axis=-1)
