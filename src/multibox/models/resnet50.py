"""ResNet50 (arXiv 1512.03385) as a trunk for SSD, in the layout of the Keras project five_scripts.

Stage 5 keeps the resolution of stage 4 and widens its receptive field by dilation, as fc6 does in VGG16. No convolution
has a bias: batch normalisation follows each, and includes the biases of the published weights.
"""

from keras import layers

from multibox.models.layers import Tensor, batch_norm, downsample_pad

STAGES = ("conv1", "conv2", "conv3", "conv4", "conv5")
EARLY = "conv2"
"""Last stage that sees edges and textures: its stride is at most 8, and no feature map comes from it or before it."""
MEAN, SCALE = (123.68, 116.779, 103.939), (1.0, 1.0, 1.0)
EPSILON = 1.001e-5


def conv_bn(
    x: Tensor, filters: int, kernel: int, name: str, *, stride: int = 1, padding: str = "same", dilation: int = 1
) -> Tensor:
    """Convolution without bias, followed by batch normalisation."""
    x = layers.Conv2D(
        filters,
        kernel,
        stride,
        padding=padding,
        dilation_rate=dilation,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return batch_norm(f"{name}_bn", EPSILON)(x)


def bottleneck(
    x: Tensor, widths: tuple[int, int], name: str, *, stride: int = 1, dilation: int = 1, project: bool = False
) -> Tensor:
    """A residual block: convolutions of 1x1 (with the stride), 3x3 and 1x1, added to the input or to its projection.

    Args:
        x: Input map, ``(B, H, W, F)``.
        widths: Number of channels of the two inner layers, and number of channels of the output.
        name: Prefix of the layers' names.
        stride: Stride of the first 1x1 convolution and of the shortcut's.
        dilation: Dilation of the 3x3 convolution.
        project: Whether the shortcut is a 1x1 convolution instead of the input itself.

    Returns:
        Output map, ``(B, H/stride, W/stride, widths[1])``.
    """
    inner, outer = widths
    shortcut = conv_bn(x, outer, 1, f"{name}_0", stride=stride) if project else x
    y = layers.ReLU(name=f"{name}_1_relu")(conv_bn(x, inner, 1, f"{name}_1", stride=stride))
    y = layers.ReLU(name=f"{name}_2_relu")(conv_bn(y, inner, 3, f"{name}_2", dilation=dilation))
    y = layers.Add(name=f"{name}_add")([shortcut, conv_bn(y, outer, 1, f"{name}_3")])
    return layers.ReLU(name=f"{name}_out")(y)


def trunk(x: Tensor, like: str = "keras") -> dict[str, Tensor]:
    """Compute the feature maps res3d and res5c from the normalised image.

    Args:
        x: Normalised image, ``(B, H, W, 3)``.
        like: Project whose padding of the first pooling layer is used. ``keras`` pads one cell on both sides,
            ``five_scripts`` pads as TensorFlow's ``same`` does.

    Returns:
        The maps by name: ``res3d`` ``(B, H/8, W/8, 512)`` and ``res5c`` ``(B, H/16, W/16, 2048)``.
    """
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.ReLU(name="conv1_relu")(conv_bn(x, 64, 7, "conv1", stride=2, padding="valid"))
    x, pad = (x, "same") if like == "five_scripts" else (layers.ZeroPadding2D(1, name="pool1_pad")(x), "valid")
    x = layers.MaxPooling2D(3, 2, padding=pad, name="pool1_pool")(x)
    maps = {}
    for stage, inner, depth in ((2, 64, 3), (3, 128, 4), (4, 256, 6), (5, 512, 3)):
        for block in range(1, depth + 1):
            first = block == 1
            x = bottleneck(
                x,
                (inner, 4 * inner),
                f"conv{stage}_block{block}",
                stride=2 if first and stage in (3, 4) else 1,
                dilation=2 if stage == 5 and not first else 1,
                project=first,
            )
        if stage == 3:
            maps["res3d"] = x
    maps["res5c"] = x
    return maps


def extras(x: Tensor, layout: str, padding: str, like: str = "keras") -> dict[str, Tensor]:
    """Add extra maps: bottlenecks of 128, 128 and 512 channels that each halve the map, then global pooling.

    Args:
        x: The map res5c, ``(B, H, W, 2048)``.
        layout: ``ssd300`` or ``ssd512``.
        padding: Padding of the 3x3 convolution with stride 2: ``both`` or ``same``.
        like: Project whose stride is used. ``keras`` has the stride of 2 in the 3x3 convolution, which reads every
            cell. ``five_scripts`` has it in the 1x1 convolution before, which reads every second cell of every second
            row.

    Returns:
        Dict from names to the extra maps, from the finest to the coarsest.
    """
    names = ("res6a", "res7a", "res8a") + (("res9a",) if layout == "ssd512" else ())
    maps = {}
    for name in names:
        if like == "five_scripts":
            x = bottleneck(x, (128, 512), name, stride=2, project=True)
        else:
            x = _shrinking_bottleneck(x, name, padding)
        maps[name] = x
    last = "pool9" if layout == "ssd512" else "pool8"
    maps[last] = layers.GlobalAveragePooling2D(keepdims=True, name=last)(x)
    return maps


def _shrinking_bottleneck(x: Tensor, name: str, padding: str) -> Tensor:
    shortcut = conv_bn(x, 512, 1, f"{name}_0", stride=2)
    y = layers.ReLU(name=f"{name}_1_relu")(conv_bn(x, 128, 1, f"{name}_1"))
    y, pad = downsample_pad(y, name, padding)
    y = layers.ReLU(name=f"{name}_2_relu")(conv_bn(y, 128, 3, f"{name}_2", stride=2, padding=pad))
    y = layers.Add(name=f"{name}_add")([shortcut, conv_bn(y, 512, 1, f"{name}_3")])
    return layers.ReLU(name=f"{name}_out")(y)
