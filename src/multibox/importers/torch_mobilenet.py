"""SSDLite on MobileNets in PyTorch: qfgaohao/pytorch-ssd, lufficc/SSD and torchvision."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from multibox.config import Detect, Network, Priors
from multibox.importers import torch_vgg
from multibox.importers.peer import (
    Part,
    Peer,
    Plan,
    Tensors,
    Unsupported,
    Weights,
    class_columns,
    class_count,
    conv,
    head_rows,
    need,
)
from multibox.importers.vgg_ssd import class_notes
from multibox.models import mobilenet_v2, mobilenet_v3
from multibox.models.maps import feature_maps
from multibox.models.ssdlite import STYLES

_PER_CELL = 6
"""Number of priors in every cell of every feature map."""

_RATIOS = ((2, 3),) * 6
_SIZES = (60, 105, 150, 195, 240, 285, 330)
_EPSILON = 1e-3
"""Epsilon of Multibox's batch normalisations."""

_TORCH_EPSILON = 1e-5
"""Epsilon of PyTorch's batch normalisations by default."""


@dataclass(frozen=True)
class Pair:
    """A convolution and the batch normalisation after it, in Multibox's and in the imported network.

    Attributes:
        ours: Prefix of the names of the network's two layers. If it ends in ``dw``, the convolution is depthwise.
        conv: Name of the convolution in the imported network.
        norm: Name of the batch normalisation in the imported network.
        biased: Whether the imported network's convolution has a bias. Multibox's convolution has none.
    """

    ours: str
    conv: str
    norm: str
    biased: bool = False

    def parts(self, epsilon: float) -> tuple[Part, Part]:
        """Declare the two layers' weights, given the epsilon of the imported network's batch normalisations."""
        kernel = (f"{self.conv}.weight",)
        depthwise = Part(f"{self.ours}conv", kernel, lambda values: [values[0].transpose(2, 3, 0, 1)])
        norm = [f"{self.norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        bias = [f"{self.conv}.bias"] if self.biased else []
        return (
            depthwise if self.ours.endswith("dw") else conv(f"{self.ours}conv", kernel),
            Part(f"{self.ours}bn", (*norm, *bias), lambda values: _with_our_epsilon(values, epsilon)),
        )


def _with_our_epsilon(values: Weights, epsilon: float) -> Weights:
    """Weights of a batch normalisation, whose scale makes up for another epsilon, and its mean for a bias before."""
    scale, shift, mean, variance, *bias = values
    scale = scale * np.sqrt((variance + np.float32(_EPSILON)) / (variance + np.float32(epsilon)))
    return [scale, shift, mean - bias[0] if bias else mean, variance]


@dataclass(frozen=True)
class Head:
    """Names of a head's layers in the imported network: the 1x1 convolution, and the depthwise layers before it."""

    depthwise: str
    norm: str
    last: str
    biased: bool


@dataclass(frozen=True)
class Ssdlite:
    """An SSDLite network of another project: its configuration, and the names of its tensors.

    Attributes:
        network: Configuration of a network that computes the same as the imported one.
        body: Layers of the trunk and of the extra maps, with the imported tensors that each is made from.
        heads: Prefixes of the tensor names of the imported heads, by kind of head (``classes`` or ``boxes``). The index
            of the feature map follows the prefix.
        head: Names of the layers in each imported head.
        priors: Configuration of the imported network's priors.
        epsilon: Epsilon of the imported network's batch normalisations.
        detect: Configuration of detection that the other project uses.
    """

    network: Network
    body: tuple[Part, ...]
    heads: dict[str, str]
    head: Head
    priors: Priors
    epsilon: float = _TORCH_EPSILON
    detect: Detect = field(default_factory=Detect)

    def plan(self, tensors: Tensors, classes: tuple[str, ...]) -> Plan:
        """Plan the import of a file: recognise its classes, and find the tensors of each layer.

        Raises:
            Misfit: If a tensor is missing.
            BadInput: If the number of class names is wrong, or none are given and the file's number of classes is
                neither VOC's nor COCO's.
        """
        heads = [part for kind, theirs in self.heads.items() for part in self._heads(kind, theirs)]
        need(tensors, [name for part in (*self.body, *heads) for name in part.theirs])
        count = class_count(tensors, *(f"{theirs}0.{self.head.last}.bias" for theirs in self.heads.values()))
        names, columns = class_columns(count, classes)
        if len(columns) <= count:
            rows = head_rows(_PER_CELL, count + 1, columns)
            heads = [replace(part, rows=rows) if part.ours.endswith("_classes") else part for part in heads]
        notes = class_notes(self.priors, count, columns)
        counters = tuple(name for name in tensors if name.endswith(".num_batches_tracked"))
        return Plan(self.network, self.priors, names, (*self.body, *heads), notes, self.detect, counters)

    def _heads(self, kind: str, theirs: str) -> Iterator[Part]:
        names = [fmap.name for fmap in feature_maps(self.network)]
        for i, name in enumerate(names):
            ours, last = f"{name}_head_{kind}", f"{theirs}{i}"
            if name != names[-1] or not STYLES[self.network.peer.ssdlite].plain_end:
                depthwise, norm = f"{last}.{self.head.depthwise}", f"{last}.{self.head.norm}"
                yield from Pair(f"{ours}_dw", depthwise, norm, self.head.biased).parts(self.epsilon)
                last = f"{last}.{self.head.last}"
            yield conv(ours, (f"{last}.weight", f"{last}.bias"))


def _network(side: int, style: str, **values: object) -> Network:
    common = {"layout": "ssdlite", "size": (side, side), "weights": "none", "batch_norm": "trained"}
    return Network.model_validate(common | {"peer": {"ssdlite": style}} | values)


def _mobilenet_v2(trunk: str, extras: str, steps: dict[str, tuple[str, str]]) -> tuple[Part, ...]:
    """Declare MobileNetV2, a sequence of modules in PyTorch, and the extra maps, which are inverted residuals too.

    Args:
        trunk: Prefix of the trunk's modules.
        extras: Prefix of the extra maps' modules.
        steps: Names of the convolution and of the batch normalisation in the imported network, for each step of an
            inverted residual: ``expand``, ``dw`` and ``project``. The first block has only the steps ``first_dw`` and
            ``first_project``.
    """
    blocks = len(mobilenet_v2.STAGES) - 2
    pairs = [Pair("stem_", f"{trunk}0.0", f"{trunk}0.1")]
    for i in range(blocks):
        theirs = f"{trunk}{i + 1}.conv."
        for part in ("expand", "dw", "project") if i else ("dw", "project"):
            first, second = steps[part if i else f"first_{part}"]
            pairs.append(Pair(f"block{i}_{part}{'' if part == 'dw' else '_'}", theirs + first, theirs + second))
    pairs.append(Pair("last_", f"{trunk}{blocks + 1}.0", f"{trunk}{blocks + 1}.1"))
    for i in range(4):
        theirs = f"{extras}{i}.conv."
        for ours, part in (("narrow_", "expand"), ("dw", "dw"), ("widen_", "project")):
            first, second = steps[part]
            pairs.append(Pair(f"extra{i + 6}_{ours}", theirs + first, theirs + second))
    return tuple(part for pair in pairs for part in pair.parts(_TORCH_EPSILON))


QFGAOHAO_SSDLITE = Ssdlite(
    _network(300, "qfgaohao", trunk="mobilenet_v2", mean=(127, 127, 127), scale=(1 / 128,) * 3),
    _mobilenet_v2(
        "base_net.",
        "extras.",
        {
            "first_dw": ("0", "1"),
            "first_project": ("3", "4"),
            "expand": ("0", "1"),
            "dw": ("3", "4"),
            "project": ("6", "7"),
        },
    ),
    heads={"classes": "classification_headers.", "boxes": "regression_headers."},
    head=Head("0", "1", "3", biased=True),
    priors=Priors(sizes=_SIZES, ratios=_RATIOS, clip="centers"),
    detect=Detect(per_class=200),
)
"""qfgaohao's ``mb2-ssd-lite``."""

_LUFFICC_SSDLITE = Ssdlite(
    _network(320, "lufficc", trunk="mobilenet_v2", mean=(123, 117, 104), scale=(1, 1, 1)),
    _mobilenet_v2(
        "backbone.features.",
        "backbone.extras.",
        {
            "first_dw": ("0.0", "0.1"),
            "first_project": ("1", "2"),
            "expand": ("0.0", "0.1"),
            "dw": ("1.0", "1.1"),
            "project": ("2", "3"),
        },
    ),
    heads={"classes": "box_head.predictor.cls_headers.", "boxes": "box_head.predictor.reg_headers."},
    head=Head("conv.0", "conv.1", "conv.3", biased=True),
    priors=Priors(sizes=_SIZES, at=320, ratios=_RATIOS, steps=(16, 32, 64, 100, 150, 300), clip="centers"),
    detect=torch_vgg.LUFFICC_DETECT,
)
"""lufficc's ``mobilenet_v2_ssd320_voc0712``. The steps of its priors are those of an input of 300 pixels."""


def _mobilenet_v3() -> Iterator[Part]:
    """Declare torchvision's MobileNetV3-Large, whose second half begins inside a block, and the extra maps."""
    yield from _pair("stem_", "backbone.features.0.0")
    for i, (_, _, expand, _, squeeze, _) in enumerate(mobilenet_v3.BLOCKS):
        steps = ["expand_"] * (expand != 1) + ["dw"] + ["squeeze"] * squeeze + ["project_"]
        for place, step in enumerate(steps):
            yield from (_squeeze if step == "squeeze" else _pair)(f"block{i}_{step}", _place(i, place))
    yield from _pair("last_", "backbone.features.1.3")
    for i in range(4):
        for place, step in enumerate(("narrow_", "dw", "widen_")):
            yield from _pair(f"extra{i + 6}_{step}", f"backbone.extra.{i}.{place}")


def _pair(ours: str, theirs: str) -> tuple[Part, ...]:
    return Pair(ours, f"{theirs}.0", f"{theirs}.1").parts(_EPSILON)


def _squeeze(ours: str, theirs: str) -> tuple[Part, ...]:
    return (
        conv(f"{ours}_conv", (f"{theirs}.fc1.weight", f"{theirs}.fc1.bias")),
        conv(f"{ours.replace('squeeze', 'excite')}_conv", (f"{theirs}.fc2.weight", f"{theirs}.fc2.bias")),
    )


def _place(block: int, place: int) -> str:
    """Name of a module of torchvision's MobileNetV3, given its block and its position in the block."""
    if block == mobilenet_v3.C4:
        return f"backbone.features.1.0.{place}" if place else f"backbone.features.0.{block + 1}"
    after = block - mobilenet_v3.C4
    return f"backbone.features.{f'1.{after}' if after > 0 else f'0.{block + 1}'}.block.{place}"


_TORCHVISION_SSDLITE = Ssdlite(
    _network(320, "torchvision", trunk="mobilenet_v3_large", mean=(127.5,) * 3, scale=(1 / 127.5,) * 3),
    tuple(_mobilenet_v3()),
    heads={"classes": "head.classification_head.module_list.", "boxes": "head.regression_head.module_list."},
    head=Head("0.0", "0.1", "1", biased=False),
    priors=Priors(sizes=(64, 112, 160, 208, 256, 304, 320), at=320, ratios=_RATIOS, clip="sizes"),
    epsilon=_EPSILON,
    detect=Detect(score=0.001, nms_iou=0.55, per_class=300, per_image=300),
)


def _torchvision(tensors: Tensors, classes: tuple[str, ...]) -> Plan:
    if "backbone.features.0.0.0.weight" not in tensors:
        return torch_vgg.TORCHVISION.plan(tensors, classes)
    plan = _TORCHVISION_SSDLITE.plan(tensors, classes)
    tail = "full" if tensors["backbone.features.1.3.1.bias"].size == 960 else "reduced"
    peer = plan.network.peer.model_copy(update={"tail": tail})
    return replace(plan, network=plan.network.model_copy(update={"peer": peer}))


_SQUEEZES = (".fc.0.weight", "._se_reduce.weight")
"""Ends of the names of squeeze-and-excitation's first weights in lufficc's MobileNetV3 and EfficientNet."""


def _lufficc(tensors: Tensors, classes: tuple[str, ...]) -> Plan:
    if squeeze := next((name for name in tensors if name.endswith(_SQUEEZES)), ""):
        raise Unsupported(
            f"its {squeeze.removesuffix('.weight')} is a squeeze-and-excitation, which multiplies a map by one cell; "
            "of lufficc/SSD, networks on VGG16 and MobileNetV2 can be imported"
        )
    is_mobilenet = "backbone.features.0.0.weight" in tensors
    return (_LUFFICC_SSDLITE if is_mobilenet else torch_vgg.LUFFICC).plan(tensors, classes)


LUFFICC = replace(torch_vgg.LUFFICC, title="lufficc/SSD on VGG16 or MobileNetV2", plan=_lufficc)
TORCHVISION: Peer = replace(
    torch_vgg.TORCHVISION, title="torchvision's ssd300_vgg16 or ssdlite320_mobilenet_v3_large", plan=_torchvision
)
