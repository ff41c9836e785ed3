"""Groups of Keras layers that several networks share."""

from typing import Any, TypeAlias

from keras import layers

Tensor: TypeAlias = Any


def batch_norm(name: str, epsilon: float = 1e-3, **kwargs: Any) -> layers.BatchNormalization:
    """Batch normalisation with a momentum for fine-tuning on small datasets."""
    return layers.BatchNormalization(epsilon=epsilon, momentum=0.97, name=name, **kwargs)


def conv_bn(
    x: Tensor, filters: int, kernel: int, name: str, *, stride: int = 1, pad: str = "same", act: str = "relu6"
) -> Tensor:
    """Convolution without bias, batch normalisation and an activation.

    Args:
        x: Input map, ``(B, H, W, F)``.
        filters: Number of output channels.
        kernel: Side of the square kernel, cells.
        name: Prefix of the layers' names.
        stride: Stride along both axes.
        pad: Padding before a stride of 2, as :func:`downsample_pad` takes it.
        act: Name of the activation, as :func:`activate` takes it.

    Returns:
        Output map, ``(B, H/stride, W/stride, filters)``.
    """
    x, padding = _strided_pad(x, kernel, stride, name, pad)
    x = layers.Conv2D(filters, kernel, stride, padding=padding, use_bias=False, name=f"{name}_conv")(x)
    return activate(batch_norm(f"{name}_bn")(x), act, f"{name}_")


def depthwise_bn(
    x: Tensor, kernel: int, name: str, *, stride: int = 1, pad: str = "same", act: str = "relu6"
) -> Tensor:
    """Depthwise convolution without bias, batch normalisation and an activation.

    Args:
        x: Input map, ``(B, H, W, F)``.
        kernel: Side of the square kernel, cells.
        name: Prefix of the layers' names.
        stride: Stride along both axes.
        pad: ``valid`` for no padding. Otherwise the padding before a stride of 2, as :func:`downsample_pad` takes it.
        act: Name of the activation, as :func:`activate` takes it.

    Returns:
        Output map, ``(B, H/stride, W/stride, F)``. Without padding, its height and width are smaller by ``kernel - 1``.
    """
    x, padding = (x, pad) if pad == "valid" else _strided_pad(x, kernel, stride, name, pad)
    x = layers.DepthwiseConv2D(kernel, stride, padding=padding, use_bias=False, name=f"{name}_dwconv")(x)
    return activate(batch_norm(f"{name}_dwbn")(x), act, f"{name}_dw")


def activate(x: Tensor, act: str, prefix: str) -> Tensor:
    """Apply an activation.

    Args:
        x: Input map of any shape.
        act: ``relu6``, the name of an activation of Keras such as ``hard_silu``, or empty for none.
        prefix: Prefix of the layer's name.

    Returns:
        The map after the activation.
    """
    if act == "relu6":
        return layers.ReLU(6.0, name=f"{prefix}relu")(x)
    return layers.Activation(act, name=f"{prefix}act")(x) if act else x


def squeeze_excite(x: Tensor, name: str) -> Tensor:
    """Squeeze-and-excitation: weight channels by values computed from all channels (arXiv 1709.01507; 1905.02244, 5.3).

    Args:
        x: Input map, ``(B, H, W, F)``.
        name: Prefix of the layers' names.

    Returns:
        The input times weights ``(B, 1, 1, F)`` in [0, 1]. The weights are computed through F/4 channels, rounded to a
        multiple of 8.
    """
    filters = x.shape[-1]
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze_pool")(x)
    y = layers.Conv2D(round_to_8(filters // 4), 1, activation="relu", name=f"{name}_squeeze_conv")(y)
    y = layers.Conv2D(filters, 1, activation="hard_sigmoid", name=f"{name}_excite_conv")(y)
    return layers.Multiply(name=f"{name}_excite")([x, y])


def round_to_8(channels: float) -> int:
    """Round a number of channels to the nearest multiple of 8, at least 8 and at least 90% of it, as in MobileNets."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def inverted_residual(
    x: Tensor,
    filters: int,
    kernel: int,
    stride: int,
    expand: float,
    name: str,
    *,
    pad: str = "same",
    act: str = "relu6",
    squeeze: bool = False,
) -> tuple[Tensor, Tensor]:
    """MobileNetV2's block (arXiv 1801.04381, figure 4): widen, depthwise convolution, narrow without activation, add.

    MobileNetV3's block (arXiv 1905.02244, figure 4) also weights the channels of the widened map.

    Args:
        x: Input map, ``(B, H, W, F)``.
        filters: Number of output channels.
        kernel: Side of the depthwise kernel.
        stride: Stride of the depthwise convolution.
        expand: Factor by which the number of channels is widened. With 1 there is no widening layer.
        name: Prefix of the layers' names.
        pad: Padding before a stride of 2, as :func:`downsample_pad` takes it.
        act: Name of the activation, as :func:`activate` takes it.
        squeeze: Whether :func:`squeeze_excite` weights the channels of the widened map.

    Returns:
        The output map ``(B, H/stride, W/stride, filters)``, and the widened input ``(B, H, W, F * expand)``.
    """
    wide = conv_bn(x, round_to_8(x.shape[-1] * expand), 1, f"{name}_expand", act=act) if expand != 1 else x
    y = depthwise_bn(wide, kernel, name, stride=stride, pad=pad, act=act)
    y = squeeze_excite(y, name) if squeeze else y
    y = conv_bn(y, filters, 1, f"{name}_project", act="")
    return (layers.Add(name=f"{name}_add")([x, y]) if stride == 1 and x.shape[-1] == filters else y), wide


def downsample_pad(x: Tensor, name: str, how: str, kernel: int = 3) -> tuple[Tensor, str]:
    """Pad a map before a convolution of stride 2.

    Args:
        x: Input map, ``(B, H, W, F)``.
        name: Prefix of the layer's name.
        how: ``both`` pads both sides equally, as Caffe and PyTorch do. ``same`` pads as TensorFlow does, which pads one
            cell less on the first side of a map of even size.
        kernel: Side of the convolution's square kernel, cells.

    Returns:
        The padded map, and the argument ``padding`` for the convolution that follows.
    """
    if how == "same":
        return x, "same"
    return layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x), "valid"


def _strided_pad(x: Tensor, kernel: int, stride: int, name: str, how: str) -> tuple[Tensor, str]:
    return downsample_pad(x, name, how, kernel) if stride == 2 else (x, "same")


def trim_pad(x: Tensor, name: str) -> Tensor:
    """Pad each axis of fewer than 3 cells so that it keeps its number of cells in an unpadded 3x3 convolution."""
    pads = [1 if n < 3 else 0 for n in x.shape[1:3]]
    return layers.ZeroPadding2D(pads, name=f"{name}_pad")(x) if any(pads) else x
