"""qfgaohao/pytorch-ssd's ``mb1-ssd``: SSD on MobileNetV1 (arXiv 1704.04861), imported as a layer graph."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from multibox.config import Detect, Network, Priors
from multibox.importers.peer import Part, Plan, Tensors, batch_norm, class_columns, class_count, conv, head_rows, need
from multibox.importers.vgg_ssd import class_notes
from multibox.layer_graph import Activate, BatchNorm, Conv, Graph, HeadConv, Heads, Node

IS_THERE = "base_net.1.3.weight"
"""Name of a tensor that only MobileNetV1 has among qfgaohao's networks."""

_WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_STRIDED = (2, 4, 6, 12)
_EXTRAS = ((256, 512), (128, 256), (128, 256), (128, 256))
_MAPS = ("block11_relu", "block13_relu", *(f"extra{i}_wide_relu" for i in range(4)))
_STEPS = (16, 32, 64, 100, 150, 300)
_PER_CELL = 6
_SIDE = 300
_PRIORS = Priors(sizes=(60, 105, 150, 195, 240, 285, 330), ratios=((2, 3),) * len(_MAPS), clip="centers")
_HEADS = {"classes": "classification_headers.", "boxes": "regression_headers."}


def plan(tensors: Tensors, classes: tuple[str, ...]) -> Plan:
    """Plan the import of an ``mb1-ssd`` file.

    Raises:
        Misfit: If a tensor is missing.
        BadInput: If the number of class names is wrong, or none are given and the file's number of classes is neither
            VOC's nor COCO's.
    """
    parts = [*_trunk_parts(), *_extra_parts(), *_head_parts()]
    need(tensors, [name for part in parts for name in part.theirs])
    count = class_count(tensors, *(f"{theirs}0.bias" for theirs in _HEADS.values()))
    names, columns = class_columns(count, classes)
    rows = head_rows(_PER_CELL, count + 1, columns) if len(columns) <= count else None
    parts = [Part(p.ours, p.theirs, p.change, rows) if p.ours.endswith("_classes") else p for p in parts]
    network = Network(
        trunk="graph",
        layout="graph",
        graph=_graph(),
        size=(_SIDE, _SIDE),
        weights="none",
        batch_norm="trained",
        mean=(127, 127, 127),
        scale=(1 / 128,) * 3,
    )
    counters = tuple(name for name in tensors if name.endswith(".num_batches_tracked"))
    notes = class_notes(_PRIORS, count, columns)
    return Plan(network, _PRIORS, names, tuple(parts), notes, Detect(per_class=200), counters)


def _graph() -> Graph:
    head = HeadConv(input=_MAPS[0], kernel=(3, 3), pad=(1, 1))
    heads = []
    for name, step in zip(_MAPS, _STEPS, strict=True):
        own = head.model_copy(update={"input": name})
        heads.append(Heads(name=name, map=name, classes=own, boxes=own, step=(step, step)))
    return Graph(nodes=tuple(_nodes()), heads=tuple(heads))


def _nodes() -> Iterator[Node]:
    yield from _normed("block0", "image", filters=_WIDTHS[0], kernel=(3, 3), stride=(2, 2), pad=(1, 1))
    for i, (narrow, wide) in enumerate(pairwise(_WIDTHS), start=1):
        stride = (2, 2) if i in _STRIDED else (1, 1)
        window: dict[str, Any] = {"kernel": (3, 3), "stride": stride, "pad": (1, 1), "groups": narrow}
        yield from _normed(f"block{i}_dw", f"block{i - 1}_relu", filters=narrow, **window)
        yield from _normed(f"block{i}", f"block{i}_dw_relu", filters=wide)
    last = "block13_relu"
    for i, (narrow, wide) in enumerate(_EXTRAS):
        yield Conv(name=f"extra{i}_narrow", inputs=(last,), filters=narrow)
        yield Activate(op="relu", name=f"extra{i}_narrow_relu", inputs=(f"extra{i}_narrow",))
        yield Conv(
            name=f"extra{i}_wide",
            inputs=(f"extra{i}_narrow_relu",),
            filters=wide,
            kernel=(3, 3),
            stride=(2, 2),
            pad=(1, 1),
        )
        yield Activate(op="relu", name=f"extra{i}_wide_relu", inputs=(f"extra{i}_wide",))
        last = f"extra{i}_wide_relu"


def _normed(name: str, source: str, **window: Any) -> Iterator[Node]:
    yield Conv.model_validate({"name": name, "inputs": (source,), "bias": False} | window)
    yield BatchNorm(name=f"{name}_bn", inputs=(name,))
    yield Activate(op="relu", name=f"{name}_relu", inputs=(f"{name}_bn",))


def _trunk_parts() -> Iterator[Part]:
    for i in range(len(_WIDTHS)):
        places = {f"block{i}_dw": 0, f"block{i}": 3} if i else {"block0": 0}
        for ours, place in places.items():
            kernel, norm = f"base_net.{i}.{place}.weight", f"base_net.{i}.{place + 1}."
            if ours.endswith("dw"):
                yield Part(ours, (kernel,), lambda values: [values[0].transpose(2, 3, 0, 1)])
            else:
                yield conv(ours, (kernel,))
            yield batch_norm(f"{ours}_bn", [norm + part for part in ("weight", "bias", "running_mean", "running_var")])


def _extra_parts() -> Iterator[Part]:
    for i in range(len(_EXTRAS)):
        for ours, place in (("narrow", 0), ("wide", 2)):
            yield conv(f"extra{i}_{ours}", [f"extras.{i}.{place}.{part}" for part in ("weight", "bias")])


def _head_parts() -> Iterator[Part]:
    for kind, theirs in _HEADS.items():
        for i, name in enumerate(_MAPS):
            yield conv(f"{name}_head_{kind}", [f"{theirs}{i}.{part}" for part in ("weight", "bias")])
