"""The few groups of Keras layers that more than one network is made of."""

from typing import Any, TypeAlias

from keras import layers

Tensor: TypeAlias = Any


def batch_norm(name: str, epsilon: float = 1e-3, **kwargs: Any) -> layers.BatchNormalization:
    """Batch normalisation with the momentum that fine-tuning on small sets needs."""
    return layers.BatchNormalization(epsilon=epsilon, momentum=0.97, name=name, **kwargs)


def conv_bn(
    x: Tensor, filters: int, kernel: int, name: str, *, stride: int = 1, pad: str = "same", act: str = "relu6"
) -> Tensor:
    """Convolution without bias, batch normalisation and an activation.

    Args:
        x: ``(B, H, W, F)``.
        filters: channels that it gives.
        kernel: its side.
        name: prefix of the layers.
        stride: in both axes.
        pad: before a stride of 2, see :func:`downsample_pad`.
        act: see :func:`activate`.

    Returns:
        ``(B, H/stride, W/stride, filters)``.
    """
    x, padding = _strided_pad(x, kernel, stride, name, pad)
    x = layers.Conv2D(filters, kernel, stride, padding=padding, use_bias=False, name=f"{name}_conv")(x)
    return activate(batch_norm(f"{name}_bn")(x), act, f"{name}_")


def depthwise_bn(
    x: Tensor, kernel: int, name: str, *, stride: int = 1, pad: str = "same", act: str = "relu6"
) -> Tensor:
    """Depthwise convolution without bias, batch normalisation and an activation.

    Args:
        x: ``(B, H, W, F)``.
        kernel: its side.
        name: prefix of the layers.
        stride: in both axes.
        pad: ``valid``: none; otherwise before a stride of 2, see :func:`downsample_pad`.
        act: see :func:`activate`.

    Returns:
        ``(B, H/stride, W/stride, F)``, or less by ``kernel - 1`` where it is not padded.
    """
    x, padding = (x, pad) if pad == "valid" else _strided_pad(x, kernel, stride, name, pad)
    x = layers.DepthwiseConv2D(kernel, stride, padding=padding, use_bias=False, name=f"{name}_dwconv")(x)
    return activate(batch_norm(f"{name}_dwbn")(x), act, f"{name}_dw")


def activate(x: Tensor, act: str, prefix: str) -> Tensor:
    """An activation.

    Args:
        x: a map.
        act: ``relu6``, the name of one of Keras', such as ``hard_silu``, or empty for none.
        prefix: of the layer's name.

    Returns:
        the map after it.
    """
    if act == "relu6":
        return layers.ReLU(6.0, name=f"{prefix}relu")(x)
    return layers.Activation(act, name=f"{prefix}act")(x) if act else x


def squeeze_excite(x: Tensor, name: str) -> Tensor:
    """Weigh each channel by what is in all of them (arXiv 1709.01507), as MobileNetV3 does (arXiv 1905.02244, 5.3).

    Args:
        x: ``(B, H, W, F)``.
        name: prefix of the layers.

    Returns:
        the same times ``(B, 1, 1, F)`` weights of 0 to 1, made by way of F/4 channels, rounded to a multiple of 8.
    """
    filters = x.shape[-1]
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze_pool")(x)
    y = layers.Conv2D(round_to_8(filters // 4), 1, activation="relu", name=f"{name}_squeeze_conv")(y)
    y = layers.Conv2D(filters, 1, activation="hard_sigmoid", name=f"{name}_excite_conv")(y)
    return layers.Multiply(name=f"{name}_excite")([x, y])


def round_to_8(channels: float) -> int:
    """The nearest multiple of 8, at least 8 and at least nine tenths of ``channels``, as all MobileNets round."""
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
    """MobileNetV2's block (arXiv 1801.04381, figure 4): widen, depthwise, narrow without activation, add.

    MobileNetV3's (arXiv 1905.02244, figure 4) weighs the channels of its middle.

    Args:
        x: ``(B, H, W, F)``.
        filters: channels that it gives.
        kernel: of the depthwise convolution.
        stride: likewise.
        expand: how many times wider the middle is; at 1 there is no widening layer.
        name: prefix of the layers.
        pad: before a stride of 2, see :func:`downsample_pad`.
        act: see :func:`activate`.
        squeeze: whether the middle's channels are weighed, see :func:`squeeze_excite`.

    Returns:
        the output ``(B, H/stride, W/stride, filters)``, and the widened input ``(B, H, W, F * expand)``.
    """
    wide = conv_bn(x, round_to_8(x.shape[-1] * expand), 1, f"{name}_expand", act=act) if expand != 1 else x
    y = depthwise_bn(wide, kernel, name, stride=stride, pad=pad, act=act)
    y = squeeze_excite(y, name) if squeeze else y
    y = conv_bn(y, filters, 1, f"{name}_project", act="")
    return (layers.Add(name=f"{name}_add")([x, y]) if stride == 1 and x.shape[-1] == filters else y), wide


def downsample_pad(x: Tensor, name: str, how: str, kernel: int = 3) -> tuple[Tensor, str]:
    """Padding before a convolution of stride 2.

    Args:
        x: ``(B, H, W, F)``.
        name: prefix of the layer.
        how: ``both``: alike on both sides, as Caffe and PyTorch; ``same``: as TensorFlow, which on an even map pads
            one pixel less on the first side.
        kernel: of the convolution.

    Returns:
        the padded map, and the padding that the convolution after it takes.
    """
    if how == "same":
        return x, "same"
    return layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x), "valid"


def _strided_pad(x: Tensor, kernel: int, stride: int, name: str, how: str) -> tuple[Tensor, str]:
    return downsample_pad(x, name, how, kernel) if stride == 2 else (x, "same")


def trim_pad(x: Tensor, name: str) -> Tensor:
    """Before an unpadded 3x3 convolution: pad an axis of fewer than 3 cells, so that it keeps them."""
    pads = [1 if n < 3 else 0 for n in x.shape[1:3]]
    return layers.ZeroPadding2D(pads, name=f"{name}_pad")(x) if any(pads) else x
