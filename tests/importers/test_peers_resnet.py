"""The five-script SSD300 on ResNet50, written in PyTorch, against what is made of its file."""

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from importers import peer_priors  # noqa: E402
from importers.outputs import assert_same_outputs, images  # noqa: E402
from importers.torch_ssd import flat, normalised, pad_same  # noqa: E402
from multibox.importers.import_model import import_model  # noqa: E402

pytestmark = pytest.mark.slow

BLOCKS = [(2, "abc", 64, 256, 1), (3, "abcd", 128, 512, 2), (4, "abcdef", 256, 1024, 2), (5, "abc", 512, 2048, 1)]
BLOCKS += [(6, "a", 128, 512, 2), (7, "a", 128, 512, 2), (8, "a", 128, 512, 2)]
MAPS = {
    "res3d": (512, 4),
    "res5c": (2048, 6),
    "res6a": (512, 6),
    "res7a": (512, 6),
    "res8a": (512, 4),
    "pool8": (512, 4),
}


class TorchResNetSSD(nn.Module):
    """Random weights and statistics; shortcuts stay of order 1, as each block's last normalisation is small."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.layers = nn.ModuleDict()
        self.conv_bn("conv1", "bn_conv1", nn.Conv2d(3, 64, 7, 2, 3))
        inputs = 64
        for stage, blocks, inner, outer, stride in BLOCKS:
            for block in blocks:
                name = f"{stage}{block}_branch"
                step, hole = (stride, 1) if block == "a" else (1, 2 if stage == 5 else 1)
                kernels = {
                    "2a": nn.Conv2d(inputs, inner, 1, step, bias=False),
                    "2b": nn.Conv2d(inner, inner, 3, 1, hole, hole, bias=False),
                    "2c": nn.Conv2d(inner, outer, 1, bias=False),
                }
                if block == "a":
                    kernels["1"] = nn.Conv2d(inputs, outer, 1, step, bias=False)
                for branch, kernel in kernels.items():
                    self.conv_bn(f"res{name}{branch}", f"bn{name}{branch}", kernel)
                inputs = outer
        self.logit = nn.ModuleList(nn.Conv2d(width, count * 21, 3, padding=1) for width, count in MAPS.values())
        self.loc = nn.ModuleList(nn.Conv2d(width, count * 4, 3, padding=1) for width, count in MAPS.values())
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        self.eval()

    def conv_bn(self, conv, norm, kernel):
        bn = nn.BatchNorm2d(kernel.out_channels, eps=1e-3)
        nn.init.uniform_(bn.weight, 0.2, 0.6)
        nn.init.normal_(bn.bias, std=0.1)
        nn.init.normal_(bn.running_mean, std=0.1)
        nn.init.uniform_(bn.running_var, 0.5, 2)
        if conv == "conv1":
            nn.init.constant_(bn.running_var, 10000)
        self.layers[conv], self.layers[norm] = kernel, bn

    def step(self, name, x):
        return self.layers[f"bn{name}"](self.layers[f"res{name}"](x))

    @torch.no_grad()
    def forward(self, x):
        x = F.relu(self.layers["bn_conv1"](self.layers["conv1"](x)))
        x = F.max_pool2d(pad_same(x), 3, 2)
        maps = {}
        for stage, blocks, *_ in BLOCKS:
            for block in blocks:
                name = f"{stage}{block}_branch"
                y = F.relu(self.step(f"{name}2b", F.relu(self.step(f"{name}2a", x))))
                shortcut = self.step(f"{name}1", x) if block == "a" else x
                x = F.relu(self.step(f"{name}2c", y) + shortcut)
                maps[f"res{stage}{block}"] = x
        maps["pool8"] = F.avg_pool2d(x, 3)
        seen = [maps[name] for name in MAPS]
        return flat(self.logit, seen, 21), flat(self.loc, seen, 4)

    def save(self, path):
        """As Keras 2 saved it."""
        with h5py.File(path, "w") as file:

            def put(layer, **arrays):
                for name, array in arrays.items():
                    file[f"{layer}/{layer}/{name}:0"] = array.detach().numpy()

            for name, layer in self.layers.items():
                if isinstance(layer, nn.BatchNorm2d):
                    put(name, gamma=layer.weight, beta=layer.bias)
                    put(name, moving_mean=layer.running_mean, moving_variance=layer.running_var)
                else:
                    put(name, kernel=layer.weight.permute(2, 3, 1, 0))
                    put(name, **({} if layer.bias is None else {"bias": layer.bias}))
            for kind, heads in (("logit", self.logit), ("loc", self.loc)):
                for name, head in zip(MAPS, heads, strict=True):
                    put(f"{name}_mbox_{kind}", kernel=head.weight.permute(2, 3, 1, 0), bias=head.bias)


def test_the_five_scripts_resnet50(tmp_path):
    peer, pixels = TorchResNetSSD(), images((300, 300))
    peer.save(tmp_path / "final.h5")
    done = import_model(tmp_path / "final.h5", "five-scripts", tmp_path / "model.keras")
    assert (done.left_out, done.fresh) == ((), ())
    logits, deltas = peer(normalised(pixels, (0, 0, 0), bgr=True))
    priors = peer_priors.five_scripts(300, peer_priors.VOC)
    assert_same_outputs(tmp_path / "model.keras", pixels, logits, deltas, priors)


def test_the_five_scripts_resnet50_before_training(tmp_path):
    peer = TorchResNetSSD()
    peer.save(tmp_path / "ResNet50_from_keras.h5")
    done = import_model(tmp_path / "ResNet50_from_keras.h5", "five-scripts-pretrained", tmp_path / "model.keras")
    assert len(done.loaded) == 2 * 53
    assert done.schema.classes == ("object",)
    assert "res6a_0_conv" in done.fresh
    assert any(name.startswith("res6a_branch1/") for name in done.left_out)
    assert done.schema.network.peer.resnet50 == "keras"
    assert np.isfinite(done.schema.make_priors()).all()
