"""MobileNetV3-Large 1.0 (arXiv 1905.02244, table 1), up to its last convolution."""

from multibox.models.layers import Tensor, conv_bn, inverted_residual

MEAN, SCALE = (127.5, 127.5, 127.5), (1 / 127.5, 1 / 127.5, 1 / 127.5)
BLOCKS = (
    # kernel, stride, expand, filters, squeeze, activation
    (3, 1, 1, 16, False, "relu"),
    (3, 2, 4, 24, False, "relu"),
    (3, 1, 3, 24, False, "relu"),
    (5, 2, 3, 40, True, "relu"),
    (5, 1, 3, 40, True, "relu"),
    (5, 1, 3, 40, True, "relu"),
    (3, 2, 6, 80, False, "hard_silu"),
    (3, 1, 2.5, 80, False, "hard_silu"),
    (3, 1, 2.3, 80, False, "hard_silu"),
    (3, 1, 2.3, 80, False, "hard_silu"),
    (3, 1, 6, 112, True, "hard_silu"),
    (3, 1, 6, 112, True, "hard_silu"),
    (5, 2, 6, 160, True, "hard_silu"),
    (5, 1, 6, 160, True, "hard_silu"),
    (5, 1, 6, 160, True, "hard_silu"),
)
STAGES = ("stem", *(f"block{i}" for i in range(len(BLOCKS))), "last")
EARLY = "block5"
"""Last stage that sees edges and textures: its stride is at most 8, and no feature map comes from it or before it."""
C4 = 12
"""Number of the block whose widened map is the first feature map. In the reduced variant, the layers after it have half
the channels."""


def trunk(x: Tensor, pad: str = "same", tail: str = "full") -> dict[str, Tensor]:
    """Compute two feature maps from the normalised image.

    Args:
        x: Normalised image, ``(B, H, W, 3)``.
        pad: Padding before strides of 2, as :func:`multibox.models.layers.downsample_pad` takes it.
        tail: ``full`` for as many channels as the paper's classifier has, or ``reduced`` for half the channels from
            block 12 on (section 6.3).

    Returns:
        The two maps that SSDLite takes (section 6.3), by name: ``c4`` ``(B, H/16, W/16, 672)``, the widened map of
        block 12, and ``c5`` ``(B, H/32, W/32, 960)``, or 480 channels if the tail is reduced.
    """
    x = conv_bn(x, 16, 3, "stem", stride=2, pad=pad, act="hard_silu")
    maps = {}
    for i, (kernel, stride, expand, filters, squeeze, act) in enumerate(BLOCKS):
        width = filters // 2 if tail == "reduced" and i >= C4 else filters
        x, wide = inverted_residual(x, width, kernel, stride, expand, f"block{i}", pad=pad, act=act, squeeze=squeeze)
        if i == C4:
            maps["c4"] = wide
    maps["c5"] = conv_bn(x, 6 * x.shape[-1], 1, "last", act="hard_silu")
    return maps
