"""The whole SSD network: it computes the class logits and box deltas of every prior from an image."""

from collections.abc import Callable
from math import log
from typing import Any

import keras
from keras import layers

from multibox.annotations.counting import some
from multibox.config import Activation, Network, Priors
from multibox.errors import BadInput
from multibox.layer_graph import HEAD
from multibox.models import fpn, mobilenet_v2, mobilenet_v3, resnet50, ssdlite, vgg16
from multibox.models.efficientnet_lite import FAMILY
from multibox.models.graph import COLOUR, graph_outputs, head_conv
from multibox.models.graph_shapes import require_bounded_heads
from multibox.models.layers import Tensor
from multibox.models.maps import feature_maps
from multibox.priors import priors_per_cell

TRUNKS: dict[str, Any] = {
    "vgg16": vgg16,
    "resnet50": resnet50,
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3_large": mobilenet_v3,
    **FAMILY,
}

Head = Callable[[Tensor, int, str, float], Tensor]
"""Function that makes a head. It takes a feature map, the number of outputs per cell, the layer's name and the initial
bias, and returns the outputs of each cell."""

RARE = -log((1 - 0.01) / 0.01)
"""Initial bias of the classes with sigmoid scores, which gives a score of 0.01 (RetinaNet, arXiv 1708.02002, section
4.1). With a bias of 0, the many priors without an object would make the first losses huge."""


def build(network: Network, classes: int, priors: Priors, activation: Activation = "softmax") -> keras.Model:
    """Build an SSD network with randomly initialised weights.

    Example:
        >>> model = build(Network(), classes=20, priors=Priors())
        >>> model(images)["classes"].shape  # (B, P, 21)

    Args:
        network: Configuration of the network: trunk, layout, neck, input size and frozen layers.
        classes: Number C of the user's classes, without background.
        priors: Configuration of the priors, which gives their number in a cell of each map.
        activation: How logits become scores: ``softmax`` or ``sigmoid``. With ``sigmoid``, the initial biases give
            every class a low score.

    Returns:
        A functional Keras model of built-in layers. Input: ``(B, H, W, 3)`` uint8 RGB. Output: a dict of ``classes``,
        ``(B, P, C + 1)`` float32 logits with background in column 0, and ``boxes``, ``(B, P, 4)`` float32 deltas, in
        the order of :func:`multibox.priors.make_priors`.

    Raises:
        BadInput: If the trunk does not have the layout, or the priors do not fit its maps.
    """
    names = [fmap.name for fmap in feature_maps(network)]
    per_cell = priors_per_cell(priors)
    if len(per_cell) != len(names):
        raise BadInput("priors.ratios", f"needs {len(names)} lists, one for each feature map, but has {len(per_cell)}")
    image = keras.Input((*network.size, 3), dtype="uint8", name="image")
    mean, scale = normalisation(network)
    offset = [-m * s for m, s in zip(mean, scale, strict=True)]
    x = layers.Rescaling(list(scale), offset, name="normalize")(image)
    if network.graph:
        require_bounded_heads(network.graph, network.size, per_cell, classes)
    maps, heads = _graph_of(x, network) if network.graph else _trunk_of(x, network, names)
    bias = RARE if activation == "sigmoid" else 0.0
    sizes = {"classes": (classes + 1, bias), "boxes": (4, 0.0)}
    outputs = {
        kind: _outputs(maps[kind], heads[kind], per_cell, size, kind, start) for kind, (size, start) in sizes.items()
    }
    model = keras.Model(image, outputs, name=f"{network.layout}_{network.trunk}")
    _set_trainable(model, network)
    return model


ByKind = dict[str, dict[str, Any]]
"""A value for each head: by the kind of head (``classes`` or ``boxes``), then by the name of the feature map."""


def _trunk_of(x: Tensor, network: Network, names: list[str]) -> tuple[ByKind, ByKind]:
    """Inputs of the heads, and the functions that make the heads, of a network with a known trunk."""
    trunk = TRUNKS[network.trunk]
    switches = _switches(network)
    maps = trunk.trunk(x, **switches)
    last = list(maps.values())[-1]
    if network.layout == "ssdlite":
        maps |= ssdlite.extras(last, network.trunk, ssdlite.STYLES[network.peer.ssdlite])
    else:
        maps |= trunk.extras(last, network.layout, network.peer.downsample_padding, **switches)
    if network.neck == "fpn":
        maps = fpn.pyramid(
            {name: maps[name] for name in names}, network.neck_channels, light=network.layout == "ssdlite"
        )
    heads = _heads_of(network, names)
    return {"classes": maps, "boxes": maps}, {"classes": heads, "boxes": heads}


def _graph_of(x: Tensor, network: Network) -> tuple[ByKind, ByKind]:
    """Inputs of the heads, and the functions that make the heads, of a network whose layers are a graph."""
    assert network.graph
    made = graph_outputs(network.graph, x, network.size)
    convs = {kind: {heads.name: getattr(heads, kind) for heads in network.graph.heads} for kind in ("classes", "boxes")}
    maps = {kind: {name: made[conv.input] for name, conv in of_maps.items()} for kind, of_maps in convs.items()}
    return maps, {kind: {name: head_conv(conv) for name, conv in of_maps.items()} for kind, of_maps in convs.items()}


def normalisation(network: Network) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and scale of the input, RGB: the configured values, else those of the trunk's published weights.

    An imported network (``network.graph``) has no published trunk. Without configured values, its input pixels are not
    normalised.
    """
    if network.graph:
        return network.mean or (0.0, 0.0, 0.0), network.scale or (1.0, 1.0, 1.0)
    trunk = TRUNKS[network.trunk]
    return network.mean or trunk.MEAN, network.scale or trunk.SCALE


def _switches(network: Network) -> dict[str, Any]:
    """Keyword arguments for the function that builds the network's trunk."""
    style = ssdlite.STYLES[network.peer.ssdlite]
    by_trunk: dict[str, dict[str, Any]] = {
        "resnet50": {"like": network.peer.resnet50},
        "mobilenet_v2": {"pad": style.pad, "c4": style.c4},
        "mobilenet_v3_large": {"pad": style.pad, "tail": network.peer.tail},
        **{name: {"pad": style.pad} for name in FAMILY},
    }
    return by_trunk.get(network.trunk, {})


def _heads_of(network: Network, names: list[str]) -> dict[str, Head]:
    """Function that makes the head of each feature map, by the map's name."""
    if network.layout != "ssdlite":
        return dict.fromkeys(names, _head)
    plain = names[-1:] if ssdlite.STYLES[network.peer.ssdlite].plain_end else []
    return {name: ssdlite.plain_head if name in plain else ssdlite.head for name in names}


def _outputs(
    maps: dict[str, Tensor], heads: dict[str, Head], per_cell: list[int], size: int, kind: str, bias: float = 0.0
) -> Tensor:
    """Outputs of one kind of head on all maps, concatenated and ordered by row, column and prior in each map."""
    flat = []
    for (name, head), count in zip(heads.items(), per_cell, strict=True):
        x = head(maps[name], count * size, f"{name}_head_{kind}", bias)
        flat.append(layers.Reshape((-1, size), name=f"{name}_{kind}_flat")(x))
    return layers.Concatenate(axis=1, dtype="float32", name=kind)(flat)  # (B, P, size)


def _head(x: Tensor, outputs: int, name: str, bias: float) -> Tensor:
    start = keras.initializers.Constant(bias)
    return layers.Conv2D(
        outputs, 3, padding="same", kernel_initializer="lecun_uniform", bias_initializer=start, name=name
    )(x)


def stage_of(layer: keras.layers.Layer) -> str:
    """Stage of the trunk that a layer belongs to: the layer's name up to the first underscore."""
    return layer.name.split("_")[0]


def is_trunk(layer: keras.layers.Layer, trunk: str) -> bool:
    """Whether a layer belongs to the pretrained trunk. In a graph, all layers except the heads do."""
    if trunk == "graph":
        return HEAD not in layer.name
    return stage_of(layer) in TRUNKS[trunk].STAGES and "_head_" not in layer.name and not layer.name.endswith("_norm")


def _set_trainable(model: keras.Model, network: Network) -> None:
    frozen = _frozen(network)
    for layer in model.layers:
        if not is_trunk(layer, network.trunk):
            continue
        norm = isinstance(layer, layers.BatchNormalization)
        stage = layer.name if network.graph else stage_of(layer)
        layer.trainable = stage not in frozen and not (norm and network.batch_norm == "frozen")


def frozen_until(network: Network) -> str:
    """Name of the last frozen stage or node of a network. Empty if all are trained."""
    if network.freeze != "auto":
        return network.freeze
    return "" if network.graph or network.weights == "none" else str(TRUNKS[network.trunk].EARLY)


def _frozen(network: Network) -> set[str]:
    """Names of the frozen stages of the trunk, or of the frozen nodes of a graph."""
    network = network.model_copy(update={"freeze": frozen_until(network)})
    if network.graph:
        names = [node.name for node in network.graph.nodes]
        if network.freeze and network.freeze not in names:
            raise BadInput("network.freeze", f"the graph has no node {network.freeze}; its nodes are {some(names, 8)}")
        return {COLOUR} | network.graph.ancestors(network.freeze)
    stages = TRUNKS[network.trunk].STAGES
    if network.freeze and network.freeze not in stages:
        raise BadInput(
            "network.freeze", f"{network.trunk} has no stage {network.freeze}; its stages are {', '.join(stages)}"
        )
    return set(stages[: stages.index(network.freeze) + 1]) if network.freeze else set()
