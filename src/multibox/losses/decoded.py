"""Decodes deltas to boxes for losses, with bounds that keep the boxes finite in float32."""

from math import log
from types import ModuleType

from multibox.boxes import Array, decode
from multibox.losses import numpy_ops

MAX_SHIFT = 1000.0
"""Largest shift of a box's centre, as a multiple of its prior's width or height."""
MAX_SCALE = log(1000 / 16)
"""Largest absolute value of log(side of the box / side of its prior) (Faster R-CNN's ``BBOX_XFORM_CLIP``)."""


def decode_bounded(deltas: Array, priors: Array, variances: tuple[float, ...], xp: ModuleType = numpy_ops) -> Array:
    """Decode deltas to boxes. A delta beyond a bound is decoded as if it were at the bound.

    Such a delta gets the gradient at the bound instead of 0, so that training can still correct it.

    Args:
        deltas: ``(..., 4)`` float32 deltas, as :func:`multibox.boxes.encode` returns them.
        priors: ``(..., 4)`` corners x0, y0, x1, y1 of the priors, in a unit that is the same along both axes.
        variances: Factors of the four deltas (centre x, centre y, width, height), such as (0.1, 0.1, 0.2, 0.2).
        xp: Array namespace, ``numpy_ops`` or ``keras.ops``.

    Returns:
        ``(..., 4)`` corners x0, y0, x1, y1 of the boxes in the units of ``priors``, with positive width and height.
    """
    bounds = (MAX_SHIFT, MAX_SHIFT, MAX_SCALE, MAX_SCALE)
    limits = xp.array([bound / variance for bound, variance in zip(bounds, variances, strict=True)], dtype="float32")
    bounded = xp.stop_gradient(xp.minimum(xp.maximum(deltas, -limits), limits))
    return decode(bounded + (deltas - xp.stop_gradient(deltas)), priors, variances, xp=xp)
