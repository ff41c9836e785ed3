"""Imports a detector from Caffe layer by layer: its graph, priors and settings of detection."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from multibox.annotations.counting import some
from multibox.config import Activation, Detect, Network, Priors
from multibox.errors import BadInput
from multibox.importers.caffe_graph import Flat, PriorLayers, Walk, dims, walk
from multibox.importers.caffe_input import find_input
from multibox.importers.caffe_net import OUTPUTS, Layer, Net, Params
from multibox.importers.caffe_priors import CellPriors, cell_priors
from multibox.importers.caffe_weights import conv_part, node_part
from multibox.importers.class_lists import KNOWN
from multibox.importers.peer import Part, Plan, Tensors, Unsupported, class_columns
from multibox.layer_graph import IMAGE, BatchNorm, Colour, Conv, Graph, HeadConv, Heads, Node, Scale, head_convs
from multibox.models.graph_shapes import graph_shapes

MOST_CLASSES = 10_000
NO_OUTPUT = f"it has no layer that takes an SSD's outputs, {' or '.join(OUTPUTS)}"

ALL = 10_000
"""Limit on detections that replaces Caffe's value for "no limit"."""


@dataclass(frozen=True)
class _Outputs:
    """What the last layer takes and says.

    Attributes:
        layer: The layer.
        heads: Nodes of the heads by kind, each in the order of the maps.
        priors: ``PriorBox`` layers in the order of the maps, each with the node of its map.
        activation: How logits become scores.
        columns: Number of classes with background.
        detect: Settings of detection.
        fields: Fields of :class:`multibox.config.Priors` that it decides.
    """

    layer: Layer
    heads: dict[str, tuple[str, ...]]
    priors: tuple[tuple[Layer, str], ...]
    activation: Activation
    columns: int
    detect: Detect
    fields: dict[str, Any]


@dataclass(frozen=True)
class _Layers:
    """The nodes that the detector needs.

    Attributes:
        nodes: Nodes, each behind those that it takes.
        scales: ``Scale`` layers that became a part of a batch normalisation, by its node's name.
        renamed: Node that a name in Caffe's network stands for now, where it changed.
    """

    nodes: tuple[Node, ...]
    scales: dict[str, Layer]
    renamed: dict[str, str]

    def name(self, node: str) -> str:
        """Name of a node now."""
        return self.renamed.get(node, node)


def plan_detector(net: Net, own: Net, tensors: Tensors, classes: tuple[str, ...]) -> Plan:
    """Plan the import of a detector from its layers.

    Args:
        net: Caffe network to import, from the weights' file or from a ``.prototxt`` file.
        own: Caffe network in the weights' file. Mean and scale are taken from it if ``net`` does not give them.
        tensors: Blobs of the weights' file, by the layer's name and the blob's number.
        classes: Class names that the user gave, empty for none.

    Raises:
        Unsupported: A layer of the detector cannot be imported. The message names it.
        BadInput: The number of class names is wrong.
    """
    if net.output is None:
        raise Unsupported(NO_OUTPUT)
    visited = walk(net)
    outputs = _outputs(net.output, visited)
    found = find_input(net, own, visited, tensors)
    cells = [cell_priors(layer, found.size) for layer, _ in outputs.priors]
    priors = _priors(outputs, cells)
    layers = _layers(outputs, visited)
    graph = _graph(outputs, visited, layers, cells, found.colour)
    try:
        shapes = graph_shapes(graph, found.size)
        network = Network(
            trunk="graph",
            layout="graph",
            graph=graph,
            size=found.size,
            weights="none",
            batch_norm="trained",
            **found.fields,
        )
    except BadInput as error:
        raise Unsupported(f"its layers do not fit together: {error.message}") from None
    except ValidationError as error:
        raise Unsupported(f"its input cannot be used: {error.errors()[0]['msg']}") from None
    parts = [node_part(node, visited.sources, layers.scales, shapes[node.inputs[0]]) for node in graph.nodes]
    parts += _head_parts(outputs, visited, graph, shapes)
    names, notes = _class_names(outputs.columns - 1, classes)
    return Plan(
        network,
        priors,
        names,
        tuple(part for part in parts if part is not None),
        (*found.notes, *notes, *_norm_notes(graph, visited)),
        outputs.detect,
        tuple(name for name in tensors if not name.rpartition("/")[2].isdigit()),
        outputs.activation,
        found.resize,
    )


def _norm_notes(graph: Graph, visited: Walk) -> tuple[str, ...]:
    """A sentence about batch normalisations that Caffe computes from the images at hand."""
    layers = [visited.sources[node.name] for node in graph.nodes if isinstance(node, BatchNorm)]
    found = [layer.name for layer in layers if not layer.section("batch_norm_param").one("use_global_stats", 1)]
    if not found:
        return ()
    return (
        f"use_global_stats is false in {some(found)}, so Caffe normalises with the statistics of each batch; "
        "Multibox uses the statistics in the file",
    )


def _outputs(layer: Layer, visited: Walk) -> _Outputs:
    trained = layer.type == "MultiBoxLoss"
    params = layer.section("multibox_loss_param" if trained else "detection_output_param")
    if not trained and len(layer.bottoms) != 3:
        raise layer.refuse(f"takes {len(layer.bottoms)} arrays instead of three: boxes, classes and priors")
    boxes, classes, priors = (visited.value(layer, i) for i in range(3))
    if not isinstance(boxes, Flat) or not isinstance(classes, Flat) or not isinstance(priors, PriorLayers):
        raise layer.refuse("does not take the outputs of the heads, and priors")
    if trained:
        loss = params.one("conf_loss_type", "SOFTMAX")
        activation: Activation | None = "sigmoid" if loss == "LOGISTIC" else "softmax"
    else:
        activation = classes.activation
    if activation is None or boxes.activation or (trained and classes.activation):
        raise layer.refuse("takes class scores that are not the output of one Softmax or Sigmoid layer")
    columns = _columns(layer, params)
    if classes.over and dims(classes.over)[-1] != columns:
        raise classes.over.refuse(
            f"reshapes the class scores to rows of {dims(classes.over)[-1]} numbers, but {layer.name} has "
            f"{columns} classes"
        )
    encoded = params.one("encode_variance_in_target" if trained else "variance_encoded_in_target", 0)
    return _Outputs(
        layer,
        {"classes": classes.nodes, "boxes": boxes.nodes},
        priors.layers,
        activation,
        columns,
        Detect() if trained else _detect(layer, params),
        {"variances": (1.0,) * 4} if encoded else {},
    )


def _columns(layer: Layer, params: Params) -> int:
    """Number of classes with background, after a check of how boxes are meant."""
    if not params.one("share_location", 1):
        raise layer.refuse("has share_location: false, so each class has boxes of its own")
    if params.one("background_label_id", 0) != 0:
        raise layer.refuse(f"has class {params.one('background_label_id', 0)} as background, not class 0")
    code = params.one("code_type", "CORNER")
    if code != "CENTER_SIZE":
        raise layer.refuse(f"encodes boxes as {code}; only CENTER_SIZE is supported")
    columns = int(params.one("num_classes", 0))
    if not 2 <= columns <= MOST_CLASSES:
        raise layer.refuse(f"has num_classes {columns}, background included; it must be from 2 to {MOST_CLASSES}")
    return columns


def _detect(layer: Layer, params: Params) -> Detect:
    nms = params.section("nms_param")
    if nms.one("eta", 1.0) != 1:
        raise layer.refuse("lowers its NMS threshold from box to box (eta below 1)")
    most, kept = nms.one("top_k", -1), params.one("keep_top_k", -1)
    score, iou = params.one("confidence_threshold", 0.0), nms.one("nms_threshold", 0.3)
    values = {
        "score": 0.0 if score < 0 else round(score, 7),
        "nms_iou": 1.0 if iou > 1 else round(iou, 7),
        "per_class": most if most > 0 else ALL,
        "per_image": kept if kept > 0 else ALL,
    }
    try:
        return Detect.model_validate(values)
    except ValidationError as error:
        raise layer.refuse(f"has settings that detection does not support: {error.errors()[0]['msg']}") from None


def _priors(outputs: _Outputs, cells: list[CellPriors]) -> Priors:
    for (layer, _), cell in zip(outputs.priors, cells, strict=True):
        if cell.alike != cells[0].alike:
            raise layer.refuse("has an offset, clip or variance that differs from the first PriorBox layer's")
    return Priors.model_validate(cells[0].alike | {"shapes": [cell.shapes for cell in cells]} | outputs.fields)


def _layers(outputs: _Outputs, visited: Walk) -> _Layers:
    """The nodes that heads and priors depend on, with each scale behind a batch normalisation as a part of it."""
    heads = {node for nodes in outputs.heads.values() for node in nodes}
    needed = _ancestors(visited, heads | {node for _, node in outputs.priors}) - heads
    uses = Counter(name for name in needed | heads for name in visited.nodes[name].inputs)
    nodes: list[Node] = []
    scales: dict[str, Layer] = {}
    renamed: dict[str, str] = {}
    for name, node in visited.nodes.items():
        if name not in needed:
            continue
        source = visited.nodes.get(node.inputs[0])
        if isinstance(node, Scale) and isinstance(source, BatchNorm) and uses[source.name] == 1:
            scales[source.name] = visited.sources[name]
            renamed[name] = source.name
        else:
            nodes.append(node.model_copy(update={"inputs": tuple(renamed.get(one, one) for one in node.inputs)}))
    affine = [node.model_copy(update={"affine": True}) if node.name in scales else node for node in nodes]
    return _Layers(tuple(affine), scales, renamed)


def _ancestors(visited: Walk, names: set[str]) -> set[str]:
    found: set[str] = set()
    left = list(names - {IMAGE})
    while left:
        name = left.pop()
        if name not in found and name != IMAGE:
            found.add(name)
            left += visited.nodes[name].inputs
    return found


def _graph(outputs: _Outputs, visited: Walk, layers: _Layers, cells: list[CellPriors], colour: Colour) -> Graph:
    counts = {kind: len(nodes) for kind, nodes in outputs.heads.items()}
    if set(counts.values()) != {len(cells)}:
        heads = " and ".join(f"{count} heads of {kind}" for kind, count in counts.items())
        raise outputs.layer.refuse(f"takes {heads}, but priors of {len(cells)} maps")
    made: list[dict[str, Any]] = []
    names = {node.name for node in layers.nodes}
    for i, ((_, fmap), cell) in enumerate(zip(outputs.priors, cells, strict=True)):
        convs = {
            kind: _head(visited, layers, nodes[i], len(cell.shapes) * (outputs.columns if kind == "classes" else 4))
            for kind, nodes in outputs.heads.items()
        }
        name = layers.name(fmap)
        title, count = name, 1
        while title in {other["name"] for other in made} or title in names - {name}:
            count += 1
            title = f"{name}_{count}"
        made.append({"name": title, "map": name, "step": cell.step, **convs})
    try:
        return Graph(colour=colour, nodes=layers.nodes, heads=tuple(Heads.model_validate(values) for values in made))
    except ValidationError as error:
        raise Unsupported(f"its layers do not form a graph that can be imported: {error.errors()[0]['msg']}") from None


def _head(visited: Walk, layers: _Layers, name: str, outputs: int) -> HeadConv:
    layer, node = visited.sources[name], visited.nodes[name]
    if not isinstance(node, Conv):
        raise layer.refuse("is the last layer of a head, but not a convolution")
    if any(name in other.inputs for other in layers.nodes):
        raise layer.refuse("is the last layer of a head, but other layers take its output too")
    if node.filters != outputs:
        raise layer.refuse(f"has {node.filters} outputs in a cell, but its priors need {outputs}")
    window = {field: getattr(node, field) for field in ("kernel", "stride", "pad", "dilation", "groups", "bias")}
    return HeadConv(input=layers.name(node.inputs[0]), **window)


def _head_parts(outputs: _Outputs, visited: Walk, graph: Graph, shapes: dict[str, Any]) -> list[Part]:
    pairs = zip(graph.heads, outputs.heads["classes"], outputs.heads["boxes"], strict=True)
    return [
        conv_part(name, visited.sources[node], conv, shapes[conv.input], _filters(visited.nodes[node]))
        for heads, *nodes in pairs
        for node, (name, conv) in zip(nodes, head_convs(heads), strict=True)
    ]


def _filters(node: Node) -> int:
    return node.filters if isinstance(node, Conv) else 0


def _class_names(count: int, given: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the classes, and a sentence for the user if they were guessed."""
    if given or count in KNOWN:
        names, _ = class_columns(count, given)
        guess = f"taken to be the {count} classes of {'VOC' if count == 20 else 'COCO'}"
    else:
        names = ("object",) if count == 1 else tuple(f"class_{i}" for i in range(1, count + 1))
        guess = "called " + ", ".join(names[:3]) + (", ..." if count > 3 else "")
    return names, () if given else (
        f"the file does not name its classes, so they are {guess}; give classes to change it",
    )
