"""VGG16 with its classifier converted to convolutions: SSD's own trunk (arXiv 1409.1556; SSD section 3)."""

from keras import layers

from multibox.models.layers import Tensor, downsample_pad, trim_pad

STAGES = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
EARLY = "conv3"
"""Last stage that sees edges and textures: its stride is at most 8, and no feature map comes from it or before it."""
MEAN, SCALE = (123.68, 116.779, 103.939), (1.0, 1.0, 1.0)
"""Mean and scale of the input's channels, RGB. The published weights expect the mean to be subtracted, and no
scaling."""


def conv(
    x: Tensor, filters: int, kernel: int, name: str, *, padding: str = "same", stride: int = 1, dilation: int = 1
) -> Tensor:
    """Convolution with bias and ReLU, initialised as Caffe's "xavier": uniform within ±sqrt(3 / fan_in)."""
    return layers.Conv2D(
        filters,
        kernel,
        stride,
        padding=padding,
        dilation_rate=dilation,
        activation="relu",
        kernel_initializer="lecun_uniform",
        name=name,
    )(x)


def trunk(x: Tensor) -> dict[str, Tensor]:
    """Compute the feature maps conv4_3 and fc7 from the normalised image.

    Pooling layers round sizes up (``same``). Pool5 keeps the resolution, and the dilation of 6 keeps fc6's receptive
    field.

    Args:
        x: Normalised image, ``(B, H, W, 3)``.

    Returns:
        The maps by name: ``conv4_3`` ``(B, H/8, W/8, 512)`` and ``fc7`` ``(B, H/16, W/16, 1024)``. ``conv4_3`` is
        L2-normalised at each position, with a learned scale per channel that starts at 20 (arXiv 1506.04579).
    """
    maps = {}
    for stage, (filters, depth) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], start=1):
        for i in range(1, depth + 1):
            x = conv(x, filters, 3, f"conv{stage}_{i}")
        if stage == 4:
            maps["conv4_3"] = l2_normalize(x)
        pool, stride = (3, 1) if stage == 5 else (2, 2)
        x = layers.MaxPooling2D(pool, stride, padding="same", name=f"pool{stage}")(x)
    x = conv(x, 1024, 3, "fc6", dilation=6)
    maps["fc7"] = conv(x, 1024, 1, "fc7")
    return maps


def l2_normalize(x: Tensor) -> Tensor:
    """L2 normalisation with a learned scale per channel. The channels of a cell initially have length 20 together."""
    norm = layers.RMSNormalization(axis=-1, epsilon=1e-10, dtype="float32", name="conv4_3_norm")
    y = norm(x)
    norm.set_weights([norm.get_weights()[0] * 20 / x.shape[-1] ** 0.5])
    return y


def extras(x: Tensor, layout: str, padding: str) -> dict[str, Tensor]:
    """Add SSD's extra feature layers (SSD figure 2).

    Each is a 1x1 convolution that narrows the map, and a 3x3 convolution that shrinks it.

    Args:
        x: The map fc7, ``(B, H, W, 1024)``.
        layout: ``ssd300`` or ``ssd512``.
        padding: Padding of the 3x3 convolution with stride 2: ``both`` or ``same``.

    Returns:
        Dict from names to the extra maps, from the finest to the coarsest.
    """
    maps = {}
    strided = {"conv6_2": 512, "conv7_2": 256} | ({"conv8_2": 256, "conv9_2": 256} if layout == "ssd512" else {})
    for name, filters in strided.items():
        x = conv(x, filters // 2, 1, name.replace("_2", "_1"))
        x, pad = downsample_pad(x, name, padding)
        maps[name] = x = conv(x, filters, 3, name, stride=2, padding=pad)
    if layout == "ssd512":
        x = conv(x, 128, 1, "conv10_1")
        top, left = (1 if n > 1 else 2 for n in x.shape[1:3])
        x = layers.ZeroPadding2D(((top, 1), (left, 1)), name="conv10_2_pad")(x)
        maps["conv10_2"] = conv(x, 256, 4, "conv10_2", padding="valid")
        return maps
    for name in ("conv8_2", "conv9_2"):
        x = conv(x, 128, 1, name.replace("_2", "_1"))
        maps[name] = x = conv(trim_pad(x, name), 256, 3, name, padding="valid")
    return maps
