"""The boxes that deltas stand for, bounded so that float32 can hold them."""

from math import log
from types import ModuleType

from multibox.boxes import Array, decode
from multibox.losses import numpy_ops

MAX_SHIFT = 1000.0
"""Largest shift of a centre, in sizes of its prior."""
MAX_SCALE = log(1000 / 16)
"""Largest logarithm of the ratio of sizes, in either direction (Faster R-CNN's ``BBOX_XFORM_CLIP``)."""


def decode_bounded(deltas: Array, priors: Array, variances: tuple[float, ...], xp: ModuleType = numpy_ops) -> Array:
    """Decode deltas. Those beyond a bound are decoded as if they were at the bound.

    Their gradients are those at the bound, not 0, so a prediction beyond it can still learn to come back.

    Args:
        deltas: ``(..., 4)`` float32, as :func:`multibox.boxes.encode` returns them.
        priors: ``(..., 4)`` corners.
        variances: Variances of the four deltas.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(..., 4)`` corners in the units of ``priors``, of positive width and height.
    """
    bounds = (MAX_SHIFT, MAX_SHIFT, MAX_SCALE, MAX_SCALE)
    limits = xp.array([bound / variance for bound, variance in zip(bounds, variances, strict=True)], dtype="float32")
    bounded = xp.stop_gradient(xp.minimum(xp.maximum(deltas, -limits), limits))
    return decode(bounded + (deltas - xp.stop_gradient(deltas)), priors, variances, xp=xp)
