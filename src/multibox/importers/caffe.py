"""SSDs in Caffe's format.

SSD300 and SSD512 on VGG16, as published (weiliu89/caffe, branch ssd), become Multibox's own networks. Others are
imported layer by layer.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from multibox.config import Priors
from multibox.importers.caffe_detector import NO_OUTPUT, plan_detector
from multibox.importers.caffe_file import CaffeFile, read_caffemodel
from multibox.importers.peer import TRUNK_ONLY, Misfit, Peer, Plan, Tensors
from multibox.importers.vgg_ssd import MAPS, NORM, PRIORS_NOTE, SIZES_300, TRUNK, Dialect, Sizes
from multibox.layer_graph import Conv
from multibox.models.maps import feature_maps
from multibox.priors import FeatureMap

SIZES: Sizes = {
    "ssd300": SIZES_300,
    "ssd512": {
        "voc": (35, 76, 153, 230, 307, 384, 460, 537),
        "coco": (20, 51, 133, 215, 296, 378, 460, 542),
    },
}
"""Sizes of Caffe's priors by layout and dataset, truncated to whole pixels as in its ``PriorBox`` layer."""


def head_name(ours: str) -> str:
    """Caffe's name of one of Multibox's heads, such as ``conv4_3_boxes``."""
    fmap, _, what = ours.rpartition("_")
    source = NORM if fmap == "conv4_3" else fmap
    return f"{source}_mbox_{'conf' if what == 'classes' else 'loc'}"


def names(ours: str) -> tuple[str, ...]:
    """Names of the blobs in Caffe that hold the weights of one of Multibox's layers."""
    if ours == NORM:
        return (f"{NORM}/0",)
    layer = head_name(ours) if ours.endswith(("_classes", "_boxes")) else ours
    return f"{layer}/0", f"{layer}/1"


_DIALECT = Dialect(names, SIZES, bgr=True)


def _plan(tensors: Tensors, classes: tuple[str, ...]) -> Plan:
    """Plan for a file of Caffe's SSD: the builder of VGG16 where it builds the same network, else the file's layers."""
    if not isinstance(tensors, CaffeFile):  # blobs alone
        return _plan_vgg(tensors, classes)
    from_text = tensors.net is not tensors.own
    if tensors.net.output is None and not from_text:
        return _plan_without_output(tensors, classes)
    plan = plan_detector(tensors.net, tensors.own, tensors, classes)
    layers = {layer.name: layer for layer in tensors.net.layers}
    for part in plan.parts:  # a file that only claims to hold large weights is refused before its network is built
        if missing := [name for name in part.theirs if name not in tensors]:
            raise layers[missing[0].rpartition("/")[0]].refuse(
                f"needs the blob {missing[0]}, which the weights' file does not have"
            )
        part.weights(tensors)
    try:
        known = _plan_vgg(tensors, plan.classes)
    except Misfit:
        return plan
    if from_text or not _is_same(known, plan):
        return plan
    return replace(known, notes=(*known.notes, *plan.notes))


def _plan_without_output(tensors: CaffeFile, classes: tuple[str, ...]) -> Plan:
    """Plan for a file whose layers do not end in a detector: an SSD or a trunk of VGG16 is known by its names."""
    try:
        return _plan_vgg(tensors, classes)
    except Misfit:
        if names(TRUNK[0])[0] in tensors:
            raise
        raise Misfit(
            f"{NO_OUTPUT}, and is not VGG16; if a published .prototxt file has such a layer, set net to that file"
        ) from None


def _is_same(known: Plan, read: Plan) -> bool:
    """Whether the builder of VGG16 builds the network that a file's layers describe."""
    maps = [[(fmap.height, fmap.width) for fmap in feature_maps(plan.network)] for plan in (known, read)]
    mean = (known.network.mean, known.network.scale or (1.0, 1.0, 1.0)) == (read.network.mean, read.network.scale)
    graph = read.network.graph
    windows = (
        {node.name: (node.kernel, node.pad, node.dilation) for node in graph.nodes if isinstance(node, Conv)}
        if graph
        else {}
    )
    return (
        maps[0] == maps[1]
        and mean
        and known.resize == read.resize
        and known.activation == read.activation
        and windows.get("fc6") == ((3, 3), (6, 6), (6, 6))
    )


def _plan_vgg(tensors: Tensors, classes: tuple[str, ...]) -> Plan:
    """Plan for SSD on VGG16. Priors are read from its ``PriorBox`` layers, else taken as published."""
    plan = _DIALECT.plan(tensors, classes)
    layers = [f"{NORM if fmap == 'conv4_3' else fmap}_mbox_priorbox" for fmap in MAPS[plan.network.layout]]
    if plan.classes == TRUNK_ONLY or any(f"{layer}/min_size" not in tensors for layer in layers):
        return plan
    told = [
        {name.rpartition("/")[2]: array.tolist() for name, array in tensors.items() if name.startswith(f"{layer}/")}
        for layer in layers
    ]
    try:
        priors = Priors.model_validate(plan.priors.model_dump() | _prior_fields(told, feature_maps(plan.network)))
    except (ValueError, OverflowError, IndexError, KeyError):
        raise Misfit(
            f"a PriorBox layer ({layers[0]} or another) has more than one size or a maximum other than the next "
            "map's size, two steps, or a clip, offset or variance that differs from the first layer's"
        ) from None
    notes = tuple(note for note in plan.notes if not note.startswith(PRIORS_NOTE))
    read = tuple(name for name in tensors if name.rpartition("/")[0] in layers)
    return replace(plan, priors=priors, read=read, notes=notes)


def _prior_fields(told: list[dict[str, list[float]]], maps: Sequence[FeatureMap]) -> dict[str, Any]:
    """Fields of :class:`~multibox.config.Priors`, from the parameters of each map's ``PriorBox`` layer."""
    sizes = [int(side) for layer in told for side in layer["min_size"]]
    ends = [int(side) for layer in told for side in layer["max_size"]]
    alike = ("clip", "offset", "variance")
    if len(sizes) != len(maps) or sizes[1:] != ends[:-1] or any("step_h" in layer for layer in told):
        raise ValueError
    if any(layer.get(name) != told[0].get(name) for layer in told for name in alike):
        raise ValueError
    if all("step" in layer for layer in told):
        steps = [layer["step"][0] for layer in told]
    else:  # without it, the layer divides the image by its map
        steps = [maps[-1].step_x * maps[-1].width / fmap.width for fmap in maps]
    fields = {
        "sizes": [*sizes, ends[-1]],
        "ratios": [[round(r, 4) for r in layer.get("aspect_ratio", []) if r != 1] for layer in told],
        "steps": [] if steps == [fmap.step_x for fmap in maps] else steps,
        "clip": bool(told[0].get("clip", [False])[0]),
        "offset": told[0].get("offset", [0.5])[0],
    }
    variances = [round(variance, 6) for variance in told[0].get("variance", [0.1])]
    return fields | {"variances": variances * 4 if len(variances) == 1 else variances}


CAFFE = Peer("caffe", "an SSD of Caffe", read_caffemodel, _plan, takes_net=True)
