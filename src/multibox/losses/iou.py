"""Losses of boxes by their overlap: GIoU (arXiv 1902.09630), DIoU and CIoU (arXiv 1911.08287).

Each compares box with box, along the last axis, and is 0 for equal ones. Widths and heights are positive, as those of
decoded deltas are. Distances and aspects need a unit that is the same along both axes, such as the pixel.
"""

from math import pi
from typing import Any

from keras import ops

Tensor = Any

TINY = 1e-9
"""Keeps a denominator from 0."""


def intersection_and_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Areas of the overlap and of the union of each box with its partner.

    Args:
        a: ``(..., 4)`` corners.
        b: likewise.

    Returns:
        two of ``(...)``.
    """
    sides = ops.maximum(ops.minimum(a[..., 2:], b[..., 2:]) - ops.maximum(a[..., :2], b[..., :2]), 0.0)
    intersection = sides[..., 0] * sides[..., 1]
    return intersection, area(a) + area(b) - intersection


def paired_iou(a: Tensor, b: Tensor) -> Tensor:
    """The IoU ``(...)`` of each box with its partner, both ``(..., 4)``."""
    intersection, union = intersection_and_union(a, b)
    return intersection / ops.maximum(union, TINY)


def giou_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """``1 - IoU + |C - A u B| / |C|`` with C the smallest box around both (arXiv 1902.09630, algorithm 2).

    Args:
        found: ``(..., 4)`` corners.
        wanted: likewise.

    Returns:
        ``(...)`` in [0, 2].
    """
    intersection, union = intersection_and_union(found, wanted)
    around = area(enclosing(found, wanted))
    return 1.0 - intersection / ops.maximum(union, TINY) + (around - union) / ops.maximum(around, TINY)


def diou_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """``1 - IoU + d^2 / c^2``: distance of the centres, diagonal of the box around both (arXiv 1911.08287, equation 7).

    Args:
        found: ``(..., 4)`` corners.
        wanted: likewise.

    Returns:
        ``(...)`` in [0, 2].
    """
    apart = (found[..., :2] + found[..., 2:] - wanted[..., :2] - wanted[..., 2:]) / 2
    around = enclosing(found, wanted)
    diagonal = around[..., 2:] - around[..., :2]
    distance = ops.sum(apart * apart, axis=-1) / ops.maximum(ops.sum(diagonal * diagonal, axis=-1), TINY)
    return 1.0 - paired_iou(found, wanted) + distance


def ciou_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """DIoU's loss and ``alpha v``, v the difference of the aspect ratios (arXiv 1911.08287, equations 8 to 11).

    Alpha gives v more weight the more the boxes overlap; as in the authors' code no gradient runs through it. They also
    replace the 1 / (w^2 + h^2) in the gradient of v, which explodes for small boxes; here it cannot, as w and h are
    exponentials of deltas, whose own gradients are w and h.

    Args:
        found: ``(..., 4)`` corners.
        wanted: likewise.

    Returns:
        ``(...)`` in [0, 3].
    """
    v = 4 / pi**2 * ops.square(angle(wanted) - angle(found))
    alpha = ops.stop_gradient(v / ops.maximum(1.0 - paired_iou(found, wanted) + v, TINY))
    return diou_loss(found, wanted) + alpha * v


def angle(boxes: Tensor) -> Tensor:
    """``arctan(w / h)`` of boxes ``(..., 4)``."""
    return ops.arctan2(boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1])


def area(boxes: Tensor) -> Tensor:
    """Areas ``(...)`` of boxes ``(..., 4)``."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def enclosing(a: Tensor, b: Tensor) -> Tensor:
    """The smallest box ``(..., 4)`` around each pair of boxes."""
    low = ops.minimum(a[..., :2], b[..., :2])
    return ops.concatenate([low, ops.maximum(a[..., 2:], b[..., 2:])], axis=-1)
