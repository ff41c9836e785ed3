"""What SSDLite adds to a light trunk: extra maps and heads of depthwise convolutions (arXiv 1801.04381, 6.2)."""

import keras
from keras import layers

from multibox.models.layers import Tensor, conv_bn, depthwise_bn, trim_pad

EXTRAS = {"efficientnet_lite0": (256, 256, 256), "mobilenet_v2": (512, 256, 256, 64)}
"""Channels of each extra map, by trunk."""


def extras(x: Tensor, trunk: str) -> dict[str, Tensor]:
    """Maps coarser than the trunk's: narrow, shrink by a depthwise 3x3, widen.

    Args:
        x: c5, ``(B, H, W, F)``.
        trunk: its name.

    Returns:
        ``extra6``, ``extra7``, ... by name. EfficientNet's last is unpadded, as SSD300's: it makes one cell of 3x3.
    """
    maps = {}
    for i, filters in enumerate(EXTRAS[trunk], start=6):
        name = f"extra{i}"
        x = conv_bn(x, filters // 2, 1, f"{name}_narrow")
        if name == "extra8" and trunk == "efficientnet_lite0":
            x = depthwise_bn(trim_pad(x, name), 3, name, padding="valid")
        else:
            x = depthwise_bn(x, 3, name, stride=2)
        maps[name] = x = conv_bn(x, filters, 1, f"{name}_widen")
    return maps


def head(x: Tensor, outputs: int, name: str, bias: float) -> Tensor:
    """A depthwise 3x3 and a 1x1: what SSD's 3x3 convolution does, at a fraction of its cost."""
    start = keras.initializers.RandomNormal(stddev=0.03)  # MobileNet-SSD's own
    bias_start = keras.initializers.Constant(bias)
    x = depthwise_bn(x, 3, name)
    return layers.Conv2D(outputs, 1, kernel_initializer=start, bias_initializer=bias_start, name=name)(x)
