"""MobileNetV2 1.0 (arXiv 1801.04381), up to its last convolution."""

from multibox.models.layers import Tensor, conv_bn, inverted_residual

MEAN, SCALE = (127.5, 127.5, 127.5), (1 / 127.5, 1 / 127.5, 1 / 127.5)
BLOCKS = (
    # blocks, stride, expand, filters
    (1, 1, 1, 16),
    (2, 2, 6, 24),
    (3, 2, 6, 32),
    (4, 2, 6, 64),
    (3, 1, 6, 96),
    (3, 2, 6, 160),
    (1, 1, 6, 320),
)
STAGES = ("stem", *(f"block{i}" for i in range(sum(count for count, *_ in BLOCKS))), "last")
EARLY = "block5"
"""Last stage that sees edges and textures: its stride is at most 8, and no feature map comes from it or before it."""


def trunk(x: Tensor, pad: str = "same", c4: str = "wide") -> dict[str, Tensor]:
    """Compute two feature maps from the normalised image.

    Args:
        x: Normalised image, ``(B, H, W, 3)``.
        pad: Padding before strides of 2, as :func:`multibox.models.layers.downsample_pad` takes it.
        c4: ``wide`` for the widened map of block 13, as in SSDLite (section 6.2), or ``narrow`` for that block's input.

    Returns:
        The maps by name: ``c4`` ``(B, H/16, W/16, 576)``, or 96 channels if ``c4`` is ``narrow``, and ``c5`` ``(B,
        H/32, W/32, 1280)``.
    """
    x = conv_bn(x, 32, 3, "stem", stride=2, pad=pad)
    maps, block = {}, 0
    for count, stride, expand, filters in BLOCKS:
        for i in range(count):
            narrow = x
            x, wide = inverted_residual(x, filters, 3, stride if i == 0 else 1, expand, f"block{block}", pad=pad)
            if block == 13:
                maps["c4"] = wide if c4 == "wide" else narrow
            block += 1
    maps["c5"] = conv_bn(x, 1280, 1, "last")
    return maps
