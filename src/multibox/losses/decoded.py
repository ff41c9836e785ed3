"""The boxes that deltas stand for, as a loss sees them: never so far off that float32 could not hold them."""

from math import log
from typing import Any

from keras import ops

from multibox.boxes import decode

Tensor = Any

MAX_SHIFT = 1000.0
"""Of a centre, in sizes of its prior."""
MAX_SCALE = log(1000 / 16)
"""Of the logarithm of the sizes' ratio, either way (Faster R-CNN's ``BBOX_XFORM_CLIP``)."""


def decode_bounded(deltas: Tensor, priors: Tensor, variances: tuple[float, ...]) -> Tensor:
    """Decode deltas, the wild ones as if they were at the bound.

    Their gradients are those at the bound and not 0: a prediction beyond it can still learn to come back.

    Args:
        deltas: ``(..., 4)`` float32, as :func:`multibox.boxes.encode` gives them.
        priors: ``(..., 4)`` corners.
        variances: of the deltas.

    Returns:
        ``(..., 4)`` corners in the units of ``priors``, of positive width and height.
    """
    bounds = (MAX_SHIFT, MAX_SHIFT, MAX_SCALE, MAX_SCALE)
    limits = ops.array([bound / variance for bound, variance in zip(bounds, variances, strict=True)], dtype="float32")
    bounded = ops.stop_gradient(ops.minimum(ops.maximum(deltas, -limits), limits))
    return decode(bounded + (deltas - ops.stop_gradient(deltas)), priors, variances, xp=ops)
