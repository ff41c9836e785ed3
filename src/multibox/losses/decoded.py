"""Decoding of deltas to boxes for losses, with bounds so that float32 can hold the boxes."""

from math import log
from types import ModuleType

from multibox.boxes import Array, decode
from multibox.losses import numpy_ops

MAX_SHIFT = 1000.0
"""Largest shift of a centre, as a multiple of its prior's width or height."""
MAX_SCALE = log(1000 / 16)
"""Largest absolute logarithm of the ratio between a box's side and its prior's (Faster R-CNN's ``BBOX_XFORM_CLIP``)."""


def decode_bounded(deltas: Array, priors: Array, variances: tuple[float, ...], xp: ModuleType = numpy_ops) -> Array:
    """Decode deltas to boxes. A delta beyond a bound is decoded as if it were at the bound.

    The gradient of such a delta is that at the bound, not 0, so a prediction beyond the bound can still learn to come
    back.

    Args:
        deltas: ``(..., 4)`` float32 deltas, as :func:`multibox.boxes.encode` returns them.
        priors: ``(..., 4)`` corners of the priors.
        variances: Factors of the four deltas, as :func:`multibox.boxes.decode` takes them.
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(..., 4)`` corners of the boxes in the units of ``priors``, with positive width and height.
    """
    bounds = (MAX_SHIFT, MAX_SHIFT, MAX_SCALE, MAX_SCALE)
    limits = xp.array([bound / variance for bound, variance in zip(bounds, variances, strict=True)], dtype="float32")
    bounded = xp.stop_gradient(xp.minimum(xp.maximum(deltas, -limits), limits))
    return decode(bounded + (deltas - xp.stop_gradient(deltas)), priors, variances, xp=xp)
