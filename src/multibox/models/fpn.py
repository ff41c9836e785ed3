"""A feature pyramid (arXiv 1612.03144, section 3): features of coarse maps are added to finer maps.

SSD's fine maps come from early layers, whose receptive fields are small. The pyramid starts at the coarsest map. It
enlarges each map to the size of the next finer one and adds it to that, so that the heads of every map use all coarser
ones.
"""

from math import gcd
from typing import NamedTuple

from keras import layers

from multibox.models.layers import Tensor, conv_bn, depthwise_bn


def pyramid(maps: dict[str, Tensor], channels: int, *, light: bool) -> dict[str, Tensor]:
    """Build a pyramid on the maps of a network.

    Args:
        maps: Feature maps ``(B, H, W, F)`` by name, from the finest to the coarsest. H and W never grow from one map to
            the next.
        channels: Number of channels of every map of the pyramid.
        light: Whether to use separable convolutions with batch normalisation, as in SSDLite, instead of the plain
            convolutions of the paper.

    Returns:
        ``(B, H, W, channels)`` maps of the same names and sizes, in the same order.
    """
    lateral, smooth = (_light_lateral, _light_smooth) if light else (_lateral, _smooth)
    merged: dict[str, Tensor] = {}
    above = None
    for name in reversed(maps):
        x = lateral(maps[name], channels, f"fpn_{name}_lateral")
        if above is not None:
            x = layers.Add(name=f"fpn_{name}_add")([x, enlarge(above, x.shape[1:3], f"fpn_{name}")])
        merged[name] = above = x
    return {name: smooth(merged[name], channels, f"fpn_{name}_smooth") for name in maps}


class Copying(NamedTuple):
    """How to enlarge an axis of a map.

    Each cell is repeated ``times`` times. Then every ``stride``-th copy is taken, beginning at ``start``.
    """

    times: int
    start: int
    stride: int


def copying(coarse: int, fine: int) -> Copying:
    """Find out how to enlarge an axis of ``coarse`` cells to ``fine`` cells, where ``fine`` is at least ``coarse``.

    If the coarse map came from a stride of 2 that rounded up, its cell i is copied to the fine cells 2i and 2i + 1.
    Otherwise, as after an unpadded convolution, each fine cell copies the coarse cell with the nearest centre.
    """
    if fine in (2 * coarse - 1, 2 * coarse) and coarse > 1:
        return Copying(2, 0, 1)
    common = gcd(coarse, fine)
    return Copying(fine // common, coarse // common // 2, coarse // common)


def enlarge(x: Tensor, size: tuple[int, int], name: str) -> Tensor:
    """Enlarge a feature map to the size of a finer one by copying cells, chosen in integer arithmetic.

    So every runtime computes the same. A resizing layer, for example from 10 cells to 19, would round differently in
    each runtime.

    Args:
        x: Map to enlarge, ``(B, h, w, F)``.
        size: Height H and width W of the result in cells, at least h and w.
        name: Prefix of the layers' names.

    Returns:
        The enlarged map, ``(B, H, W, F)``.
    """
    axes = [copying(coarse, fine) for coarse, fine in zip(x.shape[1:3], size, strict=True)]
    times, stride = [axis.times for axis in axes], [axis.stride for axis in axes]
    if max(times) > 1:
        x = layers.UpSampling2D(times, interpolation="nearest", name=f"{name}_repeat")(x)
    last = [axis.start + (fine - 1) * axis.stride for axis, fine in zip(axes, size, strict=True)]
    cut = [(axis.start, have - 1 - end) for axis, have, end in zip(axes, x.shape[1:3], last, strict=True)]
    if any(map(any, cut)):
        x = layers.Cropping2D(cut, name=f"{name}_cut")(x)
    return layers.MaxPooling2D(1, stride, name=f"{name}_pick")(x) if max(stride) > 1 else x


def _lateral(x: Tensor, channels: int, name: str) -> Tensor:
    return layers.Conv2D(channels, 1, kernel_initializer="lecun_uniform", name=name)(x)


def _smooth(x: Tensor, channels: int, name: str) -> Tensor:
    return layers.Conv2D(channels, 3, padding="same", kernel_initializer="lecun_uniform", name=name)(x)


def _light_lateral(x: Tensor, channels: int, name: str) -> Tensor:
    return conv_bn(x, channels, 1, name, act="")


def _light_smooth(x: Tensor, channels: int, name: str) -> Tensor:
    return conv_bn(depthwise_bn(x, 3, name), channels, 1, name, act="")
