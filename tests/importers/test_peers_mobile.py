"""Peers' networks on MobileNets against what is made of their files: the same outputs for the same images."""

from itertools import pairwise
from math import sqrt

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from importers.outputs import assert_same_outputs, images, torchvision_outputs  # noqa: E402, torchvision_outputs
from importers.torch_ssd import flat, normalised  # noqa: E402
from multibox.config import Detect  # noqa: E402
from multibox.errors import BadInput  # noqa: E402
from multibox.importers.class_lists import COCO_COLUMNS  # noqa: E402
from multibox.importers.import_model import import_model  # noqa: E402

pytestmark = pytest.mark.slow

SIZES = (60, 105, 150, 195, 240, 285, 330)
STEPS = (16, 32, 64, 100, 150, 300)
SETTINGS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
"""Of MobileNetV2, table 2: how much wider, channels, blocks, stride of the first."""


def convolution(inputs, outputs, side, stride=1, groups=1):
    """As MobileNets have them: without bias, with batch normalisation and ReLU6."""
    layer = nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU6())


class Residual(nn.Module):
    """An inverted residual; ``nested``: its first two layers are modules of three."""

    def __init__(self, inputs, outputs, stride, wider, nested):
        super().__init__()
        middle = round(inputs * wider)
        steps = [] if wider == 1 else [convolution(inputs, middle, 1)]
        steps.append(convolution(middle, middle, 3, stride, groups=middle))
        steps = steps if nested else [layer for step in steps for layer in step]
        self.conv = nn.Sequential(*steps, nn.Conv2d(middle, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


def mobilenet_v2(nested):
    layers, inputs = [convolution(3, 32, 3, 2)], 32
    for wider, outputs, count, stride in SETTINGS:
        for i in range(count):
            layers.append(Residual(inputs, outputs, stride if i == 0 else 1, wider, nested))
            inputs = outputs
    return nn.Sequential(*layers, convolution(320, 1280, 1))


def extra_maps(nested):
    shapes = [(1280, 512, 0.2), (512, 256, 0.25), (256, 256, 0.5), (256, 64, 0.25)]
    return nn.ModuleList(Residual(inputs, outputs, 2, wider, nested) for inputs, outputs, wider in shapes)


class Separable(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = separable(inputs, outputs)

    def forward(self, x):
        return self.conv(x)


def separable(inputs, outputs):
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs)
    return nn.Sequential(depthwise, nn.BatchNorm2d(inputs), nn.ReLU6(), nn.Conv2d(inputs, outputs, 1))


def heads(widths, outputs, make):
    return nn.ModuleList([*(make(width, outputs) for width in widths[:-1]), nn.Conv2d(widths[-1], outputs, 1)])


class Qfgaohao(nn.Module):
    """``mb2-ssd-lite``, by the names of qfgaohao/pytorch-ssd."""

    def __init__(self, columns):
        super().__init__()
        self.columns = columns
        self.base_net, self.extras = mobilenet_v2(nested=False), extra_maps(nested=False)
        widths = (576, 1280, 512, 256, 256, 64)
        self.classification_headers = heads(widths, 6 * columns, separable)
        self.regression_headers = heads(widths, 6 * 4, separable)

    def forward(self, x):
        maps = []
        for i, layer in enumerate(self.base_net):
            if i == 14:
                maps.append(layer.conv[:3](x))
            x = layer(x)
        maps.append(x)
        for layer in self.extras:
            maps.append(x := layer(x))
        return flat(self.classification_headers, maps, self.columns), flat(self.regression_headers, maps, 4)


class QfgaohaoV1(nn.Module):
    """``mb1-ssd``, by the names of qfgaohao/pytorch-ssd."""

    def __init__(self, columns):
        super().__init__()
        self.columns = columns

        def step(inputs, outputs, side, stride=1, groups=1):
            layer = nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False)
            return [layer, nn.BatchNorm2d(outputs), nn.ReLU()]

        layers = [nn.Sequential(*step(3, 32, 3, 2))]
        widths = (32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)
        for i, (narrow, wide) in enumerate(pairwise(widths), start=1):
            stride = 2 if i in (2, 4, 6, 12) else 1
            layers.append(nn.Sequential(*step(narrow, narrow, 3, stride, narrow), *step(narrow, wide, 1)))
        self.base_net = nn.Sequential(*layers)
        shapes = [(1024, 256, 512), (512, 128, 256), (256, 128, 256), (256, 128, 256)]
        self.extras = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 1), nn.ReLU(), nn.Conv2d(b, c, 3, 2, 1), nn.ReLU()) for a, b, c in shapes
        )
        ends = (512, 1024, 512, 256, 256, 256)
        self.classification_headers = nn.ModuleList(nn.Conv2d(end, 6 * columns, 3, padding=1) for end in ends)
        self.regression_headers = nn.ModuleList(nn.Conv2d(end, 6 * 4, 3, padding=1) for end in ends)

    def forward(self, x):
        maps = [x := self.base_net[:12](x)]
        maps.append(x := self.base_net[12:](x))
        for layer in self.extras:
            maps.append(x := layer(x))
        return flat(self.classification_headers, maps, self.columns), flat(self.regression_headers, maps, 4)


class Lufficc(nn.Module):
    """``mobilenet_v2_ssd320``, by the names of lufficc/SSD."""

    def __init__(self, columns):
        super().__init__()
        self.columns = columns
        self.backbone, self.box_head = nn.Module(), nn.Module()
        self.backbone.features, self.backbone.extras = mobilenet_v2(nested=True), extra_maps(nested=True)
        self.box_head.predictor = nn.Module()
        widths = (96, 1280, 512, 256, 256, 64)
        self.box_head.predictor.cls_headers = heads(widths, 6 * columns, Separable)
        self.box_head.predictor.reg_headers = heads(widths, 6 * 4, Separable)

    def forward(self, x):
        maps = []
        for i, layer in enumerate(self.backbone.features):
            x = layer(x)
            if i in (13, 18):
                maps.append(x)
        for layer in self.backbone.extras:
            maps.append(x := layer(x))
        predictor = self.box_head.predictor
        return flat(predictor.cls_headers, maps, self.columns), flat(predictor.reg_headers, maps, 4)


@torch.no_grad()
def randomise(network, run):
    """Random weights, with which maps are so small before each normalisation that its epsilon matters.

    The statistics are those of some images, and then a little wrong. Most ReLUs let most through: where they cut off
    half, each of fifty layers enlarges what differs, rounding errors too (arXiv 1902.08129).
    """
    torch.manual_seed(3)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
    layers = [item for item in network.named_modules() if isinstance(item[1], nn.Conv2d | nn.BatchNorm2d)]
    for (name, layer), (_, after) in pairwise([*layers, ("", None)]):
        if isinstance(after, nn.BatchNorm2d):
            layer.weight *= 0.02
        elif "head" in name and isinstance(layer, nn.Conv2d):
            layer.weight *= 0.2
    for norm in norms:
        norm.momentum = 1.0
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.uniform_(-0.5, 3)
    network.train()
    blotches = nn.functional.interpolate(torch.randn(16, 3, 4, 4), 160, mode="bilinear")
    run(blotches + 0.2 * torch.randn(16, 3, 160, 160))
    for norm in norms:
        norm.running_mean += norm.running_var.sqrt() * torch.randn_like(norm.running_mean) * 0.1
        norm.running_var.mul_(torch.rand_like(norm.running_var) + 0.5).clamp_(min=1e-4)
    network.eval()


def boxes(side, cells, steps):
    """Box by box: squares, then for each ratio the box and its transpose; all of it limited to the image."""
    found = []
    for k, count in enumerate(cells):
        small, large = SIZES[k], sqrt(SIZES[k] * SIZES[k + 1])
        shapes = [(small, small), (large, large)]
        shapes += [(small * sqrt(r), small / sqrt(r)) for r in (2, 1 / 2, 3, 1 / 3)]
        for row in range(count):
            for column in range(count):
                for width, height in shapes:
                    found.append(((column + 0.5) * steps[k], (row + 0.5) * steps[k], width, height))
    boxes_rel = (np.array(found) / side).clip(0, 1)
    return np.concatenate([boxes_rel[:, :2] - boxes_rel[:, 2:] / 2, boxes_rel[:, :2] + boxes_rel[:, 2:] / 2], axis=1)


@pytest.mark.parametrize(("network", "columns"), [(Qfgaohao, 21), (Qfgaohao, 4), (QfgaohaoV1, 21)])
def test_qfgaohao(tmp_path, network, columns):
    peer, pixels = network(columns), images((300, 300))
    randomise(peer, peer)
    torch.save(peer.state_dict(), tmp_path / "peer.pth")
    classes = () if columns == 21 else ("cat", "dog", "bird")
    done = import_model(tmp_path / "peer.pth", "qfgaohao", tmp_path / "model.keras", classes=classes)
    assert (done.left_out, done.fresh, done.permuted) == ((), (), ())
    with torch.no_grad():
        logits, deltas = peer(normalised(pixels, (127, 127, 127)) / 128)
    priors = boxes(300, (19, 10, 5, 3, 2, 1), STEPS)
    assert_same_outputs(tmp_path / "model.keras", pixels, logits, deltas, priors)


def test_lufficc(tmp_path):
    peer, pixels = Lufficc(21), images((320, 320))
    randomise(peer, peer)
    torch.save({"model": peer.state_dict(), "iteration": 120000}, tmp_path / "mobilenet_v2_ssd320_voc0712_v2.pth")
    path = tmp_path / "mobilenet_v2_ssd320_voc0712_v2.pth"
    done = import_model(path, "lufficc", tmp_path / "model.keras")
    assert (done.left_out, done.fresh, done.permuted) == ((), (), ())
    with torch.no_grad():
        logits, deltas = peer(normalised(pixels, (123, 117, 104)))
    priors = boxes(320, (20, 10, 5, 3, 2, 1), STEPS)
    assert_same_outputs(tmp_path / "model.keras", pixels, logits, deltas, priors)


def test_what_does_not_fit_is_refused_by_name(tmp_path):
    path, out = tmp_path / "peer.pth", tmp_path / "model.keras"
    torch.save(Lufficc(21).state_dict(), path)
    with pytest.raises(
        BadInput, match=r"mb2-ssd-lite: the file has no base_net.0.weight; the file looks like kind=lufficc"
    ):
        import_model(path, "qfgaohao", out)
    state = Qfgaohao(21).state_dict()
    torch.save(state | {"base_net.3.conv.3.weight": torch.zeros(150, 1, 3, 3)}, path)
    with pytest.raises(BadInput, match=r"its base_net.3.conv.3.weight has .* does not fit the layer block2_dwconv"):
        import_model(path, "qfgaohao", out)
    torch.save({name: value for name, value in state.items() if name != "extras.3.conv.7.running_var"}, path)
    with pytest.raises(BadInput, match=r"the file has no extras.3.conv.7.running_var$"):
        import_model(path, "qfgaohao", out)
    assert not out.exists()


@pytest.mark.parametrize(("columns", "tail"), [(91, "reduced"), (6, "full")])
def test_torchvision(tmp_path, monkeypatch, torchvision_detection, columns, tail):
    from torchvision.models.detection import ssdlite

    if tail == "full":  # as where it starts from a classifier, which cannot be downloaded here
        whole = ssdlite.mobilenet_v3_large
        monkeypatch.setattr(ssdlite, "mobilenet_v3_large", lambda **given: whole(**{**given, "reduced_tail": False}))
    make = torchvision_detection.ssdlite320_mobilenet_v3_large
    peer = make(weights=None, weights_backbone=None, num_classes=columns)
    randomise(peer, lambda x: peer.head(list(peer.backbone(x).values())))
    torch.save(peer.state_dict(), tmp_path / "ssdlite320.pth")
    classes = () if columns == 91 else ("a", "b", "c", "d", "e")
    done = import_model(tmp_path / "ssdlite320.pth", "torchvision", tmp_path / "model.keras", classes=classes)
    assert (done.left_out, done.fresh, len(done.permuted)) == ((), (), 6 if columns == 91 else 0)
    assert (len(done.schema.classes), done.schema.network.peer.tail) == (min(columns - 1, 80), tail)
    assert done.schema.detect == Detect(
        score=peer.score_thresh,
        nms_iou=peer.nms_thresh,
        per_class=peer.topk_candidates,
        per_image=peer.detections_per_img,
    )
    pixels = images((320, 320))
    assert_same_outputs(
        tmp_path / "model.keras", pixels, *torchvision_outputs(peer, pixels), COCO_COLUMNS if columns == 91 else None
    )
