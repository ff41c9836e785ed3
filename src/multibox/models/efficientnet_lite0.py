"""EfficientNet-Lite0: EfficientNet-B0 (arXiv 1905.11946) with ReLU6 and without squeeze-and-excitation."""

from multibox.models.layers import Tensor, conv_bn, inverted_residual

MEAN, SCALE = (127.0, 127.0, 127.0), (1 / 128, 1 / 128, 1 / 128)
BLOCKS = (
    # stage, blocks, kernel, stride, expand, filters
    (1, 1, 3, 1, 1, 16),
    (2, 2, 3, 2, 6, 24),
    (3, 2, 5, 2, 6, 40),
    (4, 3, 3, 2, 6, 80),
    (5, 3, 5, 1, 6, 112),
    (6, 4, 5, 2, 6, 192),
    (7, 1, 3, 1, 6, 320),
)
STAGES = ("stem", *(f"block{stage}{chr(ord('a') + i)}" for stage, count, *_ in BLOCKS for i in range(count)))
EARLY = "block3b"
"""Last stage that sees edges and textures: its stride is at most 8, and no feature map comes from it or before it."""


def trunk(x: Tensor, pad: str = "same") -> dict[str, Tensor]:
    """Compute three feature maps from the normalised image.

    Args:
        x: Normalised image, ``(B, H, W, 3)``.
        pad: Padding before strides of 2, as :func:`multibox.models.layers.downsample_pad` takes it.

    Returns:
        The maps by name: ``c3`` ``(B, H/8, W/8, 240)``, ``c4`` ``(B, H/16, W/16, 672)`` and ``c5`` ``(B, H/32, W/32,
        320)``. The first two are taken where the block of the next stride has widened them, as in SSDLite (arXiv
        1801.04381, section 6.2).
    """
    x = conv_bn(x, 32, 3, "stem", stride=2, pad=pad)
    maps = {}
    for stage, count, kernel, stride, expand, filters in BLOCKS:
        for i in range(count):
            name = f"block{stage}{chr(ord('a') + i)}"
            x, wide = inverted_residual(x, filters, kernel, stride if i == 0 else 1, expand, name, pad=pad)
            if name in ("block4a", "block6a"):
                maps["c3" if name == "block4a" else "c4"] = wide
    maps["c5"] = x
    return maps
