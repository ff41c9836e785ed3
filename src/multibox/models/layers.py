"""The few groups of Keras layers that more than one network is made of."""

from typing import Any, TypeAlias

from keras import layers

Tensor: TypeAlias = Any


def batch_norm(name: str, epsilon: float = 1e-3, **kwargs: Any) -> layers.BatchNormalization:
    """Batch normalisation with the momentum that fine-tuning on small sets needs."""
    return layers.BatchNormalization(epsilon=epsilon, momentum=0.97, name=name, **kwargs)


def conv_bn(
    x: Tensor, filters: int, kernel: int, name: str, *, stride: int = 1, act: bool = True, **kwargs: Any
) -> Tensor:
    """Convolution without bias, batch normalisation and, unless ``act`` is false, ReLU6."""
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv", **kwargs)(x)
    x = batch_norm(f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if act else x


def depthwise_bn(x: Tensor, kernel: int, name: str, *, stride: int = 1, padding: str = "same") -> Tensor:
    """Depthwise convolution without bias, batch normalisation and ReLU6."""
    x = layers.DepthwiseConv2D(kernel, stride, padding=padding, use_bias=False, name=f"{name}_dwconv")(x)
    x = batch_norm(f"{name}_dwbn")(x)
    return layers.ReLU(6.0, name=f"{name}_dwrelu")(x)


def inverted_residual(
    x: Tensor, filters: int, kernel: int, stride: int, expand: int, name: str
) -> tuple[Tensor, Tensor]:
    """MobileNetV2's block (arXiv 1801.04381, figure 4): widen, depthwise, narrow without activation, add.

    Args:
        x: ``(B, H, W, F)``.
        filters: channels that it gives.
        kernel: of the depthwise convolution.
        stride: likewise.
        expand: how many times wider the middle is; at 1 there is no widening layer.
        name: prefix of the layers.

    Returns:
        the output ``(B, H/stride, W/stride, filters)``, and the widened input ``(B, H, W, F * expand)``.
    """
    wide = conv_bn(x, x.shape[-1] * expand, 1, f"{name}_expand") if expand != 1 else x
    y = depthwise_bn(wide, kernel, name, stride=stride)
    y = conv_bn(y, filters, 1, f"{name}_project", act=False)
    return (layers.Add(name=f"{name}_add")([x, y]) if stride == 1 and x.shape[-1] == filters else y), wide


def downsample_pad(x: Tensor, name: str, how: str) -> tuple[Tensor, str]:
    """Padding before a 3x3 convolution of stride 2.

    Args:
        x: ``(B, H, W, F)``.
        name: prefix of the layer.
        how: ``both``: a pixel on both sides, as Caffe; ``same``: as TensorFlow, which on an even map pads one side.

    Returns:
        the padded map, and the padding that the convolution after it takes.
    """
    if how == "same":
        return x, "same"
    return layers.ZeroPadding2D(1, name=f"{name}_pad")(x), "valid"


def trim_pad(x: Tensor, name: str) -> Tensor:
    """Before an unpadded 3x3 convolution: pad an axis of fewer than 3 cells, so that it keeps them."""
    pads = [1 if n < 3 else 0 for n in x.shape[1:3]]
    return layers.ZeroPadding2D(pads, name=f"{name}_pad")(x) if any(pads) else x
