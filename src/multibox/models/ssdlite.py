"""SSDLite's extra feature maps and heads, made of depthwise convolutions (arXiv 1801.04381, section 6.2)."""

from dataclasses import dataclass

import keras
from keras import layers

from multibox.models.efficientnet_lite import FAMILY
from multibox.models.layers import Tensor, conv_bn, depthwise_bn, trim_pad

EXTRAS = {
    **{trunk: {"extra6": 256, "extra7": 256, "extra8": 256} for trunk in FAMILY},
    "efficientnet_lite0_short": {"c5": 128, "extra6": 128, "extra7": 128, "extra8": 128},
    "mobilenet_v2": {"extra6": 512, "extra7": 256, "extra8": 256, "extra9": 64},
    "mobilenet_v3_large": {"extra6": 512, "extra7": 256, "extra8": 256, "extra9": 128},
}
"""Number of channels of each extra map by its name, by trunk."""


@dataclass(frozen=True)
class Style:
    """The details in which SSDLite implementations of different projects differ.

    Attributes:
        pad: Padding before strides of 2, as :func:`multibox.models.layers.downsample_pad` takes it.
        c4: Map of stride 16 that feeds the first heads: ``wide`` for the widened map of block 13, or ``narrow`` for
            that block's input.
        narrow: Number of channels of the inner layers that compute each extra map, map by map. If empty, half the
            channels of the map.
        act: Name of the activation of the extra maps. If empty, they have none, like the output of an inverted
            residual.
        plain_end: Whether the heads of the last map are plain 1x1 convolutions.
    """

    pad: str = "same"
    c4: str = "wide"
    narrow: tuple[int, ...] = ()
    act: str = "relu6"
    plain_end: bool = False


_NARROW = (256, 128, 128, 64)
STYLES = {
    "multibox": Style(),
    "torchvision": Style(pad="both"),
    "qfgaohao": Style(pad="both", narrow=_NARROW, act="", plain_end=True),
    "lufficc": Style(pad="both", c4="narrow", narrow=_NARROW, act="", plain_end=True),
}


def extras(x: Tensor, trunk: str, style: Style) -> dict[str, Tensor]:
    """Add feature maps that are coarser than the trunk's.

    Each is computed from the previous map: a 1x1 convolution narrows it, a depthwise 3x3 convolution shrinks it, and
    another 1x1 convolution widens it.

    Args:
        x: The trunk's last map, ``(B, H, W, F)``.
        trunk: Name of the trunk.
        style: Implementation details to follow.

    Returns:
        Dict from the names in :data:`EXTRAS` to the maps. On EfficientNet, the last map is computed
        without padding, as in SSD300, so 3x3 cells become one.
    """
    maps = {}
    wide = EXTRAS[trunk]
    narrow = style.narrow or [filters // 2 for filters in wide.values()]
    for before, (name, after) in zip(narrow, wide.items(), strict=True):
        x = conv_bn(x, before, 1, f"{name}_narrow")
        if name == "extra8" and trunk in FAMILY:
            x = depthwise_bn(trim_pad(x, name), 3, name, pad="valid")
        else:
            x = depthwise_bn(x, 3, name, stride=2, pad=style.pad)
        maps[name] = x = conv_bn(x, after, 1, f"{name}_widen", act=style.act)
    return maps


def head(x: Tensor, outputs: int, name: str, bias: float) -> Tensor:
    """A depthwise 3x3 and a 1x1 convolution: SSD's 3x3 convolution at a fraction of its cost."""
    return plain_head(depthwise_bn(x, 3, name), outputs, name, bias)


def plain_head(x: Tensor, outputs: int, name: str, bias: float) -> Tensor:
    """A 1x1 convolution alone, which suffices on a map of one cell."""
    start = keras.initializers.RandomNormal(stddev=0.03)  # MobileNet-SSD's own
    bias_start = keras.initializers.Constant(bias)
    return layers.Conv2D(outputs, 1, kernel_initializer=start, bias_initializer=bias_start, name=name)(x)
