"""EfficientNet-Lite0, Lite1 and Lite2: EfficientNet (arXiv 1905.11946) with ReLU6 and without squeeze-and-excitation.

Lite1 is deeper than Lite0, and Lite2 is deeper and wider. The stem and the number of blocks of the first and the last
stage are the same in all three. A short member ends before the stages of stride 32, which hold most of the parameters.
"""

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from multibox.models.layers import Tensor, conv_bn, inverted_residual


class Stage(NamedTuple):
    """A stage of Lite0: blocks of the same size.

    Attributes:
        blocks: Number of blocks.
        kernel: Side of the depthwise kernels.
        stride: Stride of the first block.
        expand: Factor by which a block widens its input.
        filters: Number of channels of each block's output.
    """

    blocks: int
    kernel: int
    stride: int
    expand: int
    filters: int


LITE0 = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class EfficientNetLite:
    """A member of the family.

    Args:
        width: Factor of the number of channels (arXiv 1905.11946, equation 3).
        depth: Factor of the number of blocks of a stage.
        stages: Number of stages, 5 or 7.
    """

    width: float
    depth: float
    stages: int = len(LITE0)

    MEAN = (127.0, 127.0, 127.0)
    SCALE = (1 / 128, 1 / 128, 1 / 128)

    @property
    def blocks(self) -> dict[str, Stage]:
        """Blocks by name, in their order: ``block2b`` is the second of stage 2. Each is a stage of one block."""
        named = {}
        for number, stage in enumerate(LITE0[: self.stages], start=1):
            scaled = number not in (1, len(LITE0))
            filters = round_to_eights(stage.filters * self.width)
            for i in range(ceil(stage.blocks * self.depth) if scaled else stage.blocks):
                stride = stage.stride if i == 0 else 1
                named[f"block{number}{chr(ord('a') + i)}"] = Stage(1, stage.kernel, stride, stage.expand, filters)
        return named

    @property
    def STAGES(self) -> tuple[str, ...]:  # noqa: N802, as the modules of the other trunks name it
        """Names of the stages that can be frozen, in their order."""
        return ("stem", *self.blocks)

    @property
    def EARLY(self) -> str:  # noqa: N802
        """Last stage that sees edges and textures: its stride is 8, and no feature map comes from it or before it."""
        return [name for name in self.blocks if name.startswith("block3")][-1]

    def trunk(self, x: Tensor, pad: str = "same") -> dict[str, Tensor]:
        """Compute the feature maps from the normalised image.

        Args:
            x: Normalised image, ``(B, H, W, 3)``.
            pad: Padding before strides of 2, as :func:`multibox.models.layers.downsample_pad` takes it.

        Returns:
            The maps by name: ``c3`` ``(B, H/8, W/8, F)``, ``c4`` ``(B, H/16, W/16, F)`` and ``c5`` ``(B, H/32, W/32,
            F)``, with F 240, 672 and 320 in Lite0. The first two are taken where the block of the next stride has
            widened them, as in SSDLite (arXiv 1801.04381, section 6.2). A short member has ``c3`` and its last output,
            ``c4``, with F 240 and 112.
        """
        x = conv_bn(x, 32, 3, "stem", stride=2, pad=pad)
        maps = {}
        for name, block in self.blocks.items():
            x, wide = inverted_residual(x, block.filters, block.kernel, block.stride, block.expand, name, pad=pad)
            if name in ("block4a", "block6a"):
                maps["c3" if name == "block4a" else "c4"] = wide
        maps["c5" if "c4" in maps else "c4"] = x
        return maps


def round_to_eights(filters: float) -> int:
    """The nearest multiple of 8 to a number of channels, or the next one if that is more than a tenth below."""
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * filters else nearest


FAMILY = {
    "efficientnet_lite0": EfficientNetLite(1.0, 1.0),
    "efficientnet_lite0_short": EfficientNetLite(1.0, 1.0, stages=5),
    "efficientnet_lite1": EfficientNetLite(1.0, 1.1),
    "efficientnet_lite2": EfficientNetLite(1.1, 1.2),
}
"""The members by the names of their trunks."""
