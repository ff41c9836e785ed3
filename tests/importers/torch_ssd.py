"""SSD on VGG16 in PyTorch, from the paper and Caffe's definition; the peers' state dicts are its under other names."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

WIDTHS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
TRUNK = [f"conv{stage}_{i + 1}" for stage, depth in enumerate((2, 2, 3, 3, 3), 1) for i in range(depth)]
EXTRAS = {
    300: [("6", 256, 512, 3, 2, 1), ("7", 128, 256, 3, 2, 1), ("8", 128, 256, 3, 1, 0), ("9", 128, 256, 3, 1, 0)],
    512: [
        *(("6", 256, 512, 3, 2, 1), ("7", 128, 256, 3, 2, 1), ("8", 128, 256, 3, 2, 1), ("9", 128, 256, 3, 2, 1)),
        ("10", 128, 256, 4, 1, 1),
    ],
}
PER_CELL = {300: (4, 6, 6, 6, 4, 4), 512: (4, 6, 6, 6, 6, 4, 4)}


class TorchSSD(nn.Module):
    """Random weights of a size that keeps every map of order 1.

    Args:
        size: 300 or 512.
        columns: classes with background.
        same: whether strided layers pad as TensorFlow does.
    """

    def __init__(self, size: int = 300, columns: int = 21, same: bool = False):
        super().__init__()
        torch.manual_seed(size + columns)
        self.size, self.columns, self.same = size, columns, same
        self.convs = nn.ModuleDict()
        inputs = 3
        for name, width in zip(TRUNK, WIDTHS, strict=True):
            self.convs[name], inputs = nn.Conv2d(inputs, width, 3, padding=1), width
        self.convs["fc6"] = nn.Conv2d(512, 1024, 3, padding=6, dilation=6)
        self.convs["fc7"] = nn.Conv2d(1024, 1024, 1)
        inputs = 1024
        maps = [512, inputs]
        for stage, narrow, wide, kernel, stride, pad in EXTRAS[size]:
            self.convs[f"conv{stage}_1"] = nn.Conv2d(inputs, narrow, 1)
            self.convs[f"conv{stage}_2"] = nn.Conv2d(narrow, wide, kernel, stride, 0 if same and stride == 2 else pad)
            maps.append(inputs := wide)
        self.scale = nn.Parameter(torch.rand(512) * 25 + 5)
        cells = list(zip(maps, PER_CELL[size], strict=True))
        self.conf = nn.ModuleList(nn.Conv2d(width, count * columns, 3, padding=1) for width, count in cells)
        self.loc = nn.ModuleList(nn.Conv2d(width, count * 4, 3, padding=1) for width, count in cells)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
                nn.init.normal_(module.bias, std=0.1)
        with torch.no_grad():
            self.convs["conv1_1"].weight *= 0.01

    @torch.no_grad()
    def outputs(self, x: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Logits ``(B, P, C + 1)`` and deltas ``(B, P, 4)`` of normalised images ``(B, 3, H, W)``, in float64."""
        return copy.deepcopy(self).double()(x.double())

    @torch.no_grad()
    def forward(self, x: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Logits ``(B, P, C + 1)`` and deltas ``(B, P, 4)`` of normalised images ``(B, 3, H, W)``."""
        maps = []
        for name in TRUNK:
            x = F.relu(self.convs[name](x))
            if name == "conv4_3":
                norm = x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10
                maps.append(x / norm * self.scale[None, :, None, None])
            if name in ("conv1_2", "conv2_2", "conv3_3", "conv4_3"):
                x = F.max_pool2d(x, 2, 2, ceil_mode=True)
        x = F.max_pool2d(x, 3, 1, 1)
        x = F.relu(self.convs["fc7"](F.relu(self.convs["fc6"](x))))
        maps.append(x)
        for stage, _, _, _, stride, _ in EXTRAS[self.size]:
            x = F.relu(self.convs[f"conv{stage}_1"](x))
            if self.same and stride == 2:
                x = pad_same(x)
            x = F.relu(self.convs[f"conv{stage}_2"](x))
            maps.append(x)
        return flat(self.conf, maps, self.columns), flat(self.loc, maps, 4)

    def arrays(self) -> dict[str, list[np.ndarray]]:
        """Kernels (out, in, y, x) and biases by Caffe's names of the layers."""
        names = ["conv4_3_norm", "fc7", *(f"conv{stage}_2" for stage, *_ in EXTRAS[self.size])]
        modules = dict(self.convs.items())
        modules |= {f"{name}_mbox_conf": head for name, head in zip(names, self.conf, strict=True)}
        modules |= {f"{name}_mbox_loc": head for name, head in zip(names, self.loc, strict=True)}
        found = {name: [module.weight, module.bias] for name, module in modules.items()} | {
            "conv4_3_norm": [self.scale]
        }
        return {name: [value.detach().numpy() for value in values] for name, values in found.items()}


def pad_same(x: torch.Tensor) -> torch.Tensor:
    """What TensorFlow's ``same`` pads before a 3x3 of stride 2: a cell after an even side, one on both sides else."""
    height, width = x.shape[2:]
    return F.pad(x, (width % 2, 1, height % 2, 1))


def flat(heads: nn.ModuleList, maps: list[torch.Tensor], width: int) -> np.ndarray:
    """All maps' outputs one after the other, ``(B, P, width)``."""
    outputs = [head(x).permute(0, 2, 3, 1).reshape(len(x), -1, width) for head, x in zip(heads, maps, strict=True)]
    return torch.cat(outputs, 1).numpy()


def normalised(pixels: np.ndarray, mean: tuple[float, float, float], bgr: bool = False) -> torch.Tensor:
    """RGB images ``(B, H, W, 3)`` less a mean in RGB, ``(B, 3, H, W)``, in BGR if asked for."""
    x = pixels.astype(np.float32) - np.array(mean, np.float32)
    return torch.from_numpy(np.ascontiguousarray((x[..., ::-1] if bgr else x).transpose(0, 3, 1, 2)))
