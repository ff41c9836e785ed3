"""Converts the layers of a Caffe network to a layer graph, and finds its heads."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from multibox.config import Activation
from multibox.importers.caffe_net import DATA, Layer, Net, Params
from multibox.importers.peer import Unsupported
from multibox.layer_graph import (
    FLAT,
    HEAD,
    IMAGE,
    RESERVED,
    Activate,
    BatchNorm,
    Conv,
    GlobalPool,
    Join,
    Node,
    Normalize,
    Pool,
    Scale,
)

DEPTHWISE = ("DepthwiseConvolution", "ConvolutionDepthwise")
"""Types of depthwise convolution layers in later versions of Caffe."""


@dataclass(frozen=True)
class Map:
    """Value of a Caffe array: the feature map that a node computes."""

    node: str


@dataclass(frozen=True)
class Turned:
    """Value of a Caffe array: a feature map whose channels were moved to the last axis."""

    node: str


@dataclass(frozen=True)
class Flat:
    """Value of a Caffe array: outputs of heads, flattened and concatenated map by map.

    Attributes:
        nodes: Nodes that compute the heads' outputs, in the order of the maps.
        activation: Activation that was applied to the outputs, ``softmax`` or ``sigmoid``. None if there was none.
        rows: ``Reshape`` layer that divided the flat array into rows, one for each prior. None if the array is still
            flat.
        over: ``Reshape`` layer that divided the array into rows before a softmax, which normalises each row. None
            without a softmax.
    """

    nodes: tuple[str, ...]
    activation: Activation | None = None
    rows: Layer | None = None
    over: Layer | None = None


@dataclass(frozen=True)
class PriorLayers:
    """Value of a Caffe array: concatenated priors, as ``PriorBox`` layers with the nodes of their maps."""

    layers: tuple[tuple[Layer, str], ...]


@dataclass(frozen=True)
class Unknown:
    """Value of a Caffe array that cannot be imported, which is an error only if a layer of the detector takes it."""

    reason: Unsupported


Value = Map | Turned | Flat | PriorLayers | Unknown


@dataclass
class Walk:
    """The layers that were visited: their nodes, and where each node's weights are.

    Attributes:
        nodes: Nodes by name, each after the nodes whose outputs it takes.
        sources: Caffe's layers by the names of the nodes.
        blobs: Value of each array, by its name in Caffe.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    sources: dict[str, Layer] = field(default_factory=dict)
    blobs: dict[str, Value] = field(default_factory=dict)

    def value(self, layer: Layer, position: int) -> Value:
        """The value of an array that a layer takes. A later layer may define an array of the same name again."""
        if position >= len(layer.bottoms):
            raise layer.refuse(f"takes {len(layer.bottoms)} arrays")
        name = layer.bottoms[position]
        if name not in self.blobs:
            raise layer.refuse(f"takes {name}, which no earlier layer computes")
        value = self.blobs[name]
        if isinstance(value, Unknown):
            raise value.reason
        return value

    def node(self, layer: Layer, position: int = 0) -> str:
        """Name of the node whose output a layer takes at a position."""
        value = self.value(layer, position)
        if not isinstance(value, Map):
            raise layer.refuse(f"takes {layer.bottoms[position]}, which is not a feature map")
        return value.node

    def add(self, layer: Layer, make: Callable[..., Node], *inputs: str, **fields: Any) -> Map:
        """Add the node of a layer."""
        name = self._name(layer)
        try:
            self.nodes[name] = make(name=name, inputs=inputs, **fields)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise layer.refuse(f"cannot have {where} = {str(problem['input'])[:40]}") from None
        self.sources[name] = layer
        return Map(name)

    def _name(self, layer: Layer) -> str:
        name = re.sub(r"[^A-Za-z0-9]+", "_", layer.name)[:100].strip("_").replace(HEAD, "_")
        name = name if re.match("[A-Za-z]", name) else f"layer_{name}".rstrip("_")
        name = f"{name}_" if name.endswith(FLAT) else name
        taken = {IMAGE, *RESERVED, *self.nodes}
        unique = name
        while unique in taken:
            unique = f"{name}_{len(self.nodes)}"
            name += "_"
        return unique


def walk(net: Net) -> Walk:
    """Visit the layers of a network up to its output.

    A layer that cannot be imported is refused only if the detector uses its output.
    """
    image = net.image
    visited = Walk()
    for name in net.inputs:
        beside = Unknown(Unsupported(f"the detector needs {name}, a second input besides the image"))
        visited.blobs[name] = Map(IMAGE) if image and image.name == name else beside
    for layer in net.layers:
        if layer is net.output:
            break
        visited.blobs |= dict.fromkeys(layer.tops, _given(layer, visited))
        if image and image.layer is layer:
            visited.blobs[image.name] = Map(IMAGE)
    return visited


def _given(layer: Layer, visited: Walk) -> Value:
    if layer.type in DATA:
        return Unknown(layer.refuse("is a second input besides the image, and the detector needs it"))
    if layer.type not in _KINDS:
        return Unknown(layer.refuse("is of a type that cannot be imported"))
    try:
        return _KINDS[layer.type](layer, visited)
    except Unsupported as reason:
        return Unknown(reason)


def window(layer: Layer, name: str = "convolution_param") -> dict[str, tuple[int, int]]:
    """Kernel, stride and padding of a convolution or pooling layer."""
    params = layer.section(name)
    fields = (("kernel", "kernel_size", "kernel", None), ("stride", "stride", "stride", 1), ("pad", "pad", "pad", 0))
    found = {ours: params.pair(theirs, short, default) for ours, theirs, short, default in fields}
    if None in found.values():
        raise layer.refuse("does not give its kernel, stride and padding along both axes")
    return {ours: pair for ours, pair in found.items() if pair is not None}


def _axis(params: Params, name: str, default: int, count: int) -> int:
    """Number of an axis from 0, of which a negative one counts from the end."""
    axis: int = params.one(name, default)
    return axis + count if axis < 0 else axis


def _axes(value: Value) -> int:
    """Number of axes of an array: images, and what they have."""
    if isinstance(value, PriorLayers):
        return 3
    if isinstance(value, Flat):
        return len(dims(value.rows)) if value.rows else 2
    return 4


def _convolution(layer: Layer, visited: Walk) -> Value:
    params = layer.section("convolution_param")
    filters = params.one("num_output", 0)
    dilation = params.pair("dilation", "dilation", 1)
    if _axis(params, "axis", 1, 4) != 1 or dilation is None:
        raise layer.refuse("is not over the rows and columns of a feature map")
    return visited.add(
        layer,
        Conv,
        visited.node(layer),
        filters=filters,
        groups=params.one("group", filters if layer.type in DEPTHWISE else 1),
        bias=bool(params.one("bias_term", 1)),
        dilation=dilation,
        **window(layer),
    )


def _pooling(layer: Layer, visited: Walk) -> Value:
    params = layer.section("pooling_param")
    kind = params.one("pool", "MAX")
    if kind not in ("MAX", "AVE"):
        raise layer.refuse(f"pools {kind}")
    if params.one("global_pooling", 0):
        return visited.add(
            layer, GlobalPool, visited.node(layer), op="global_max_pool" if kind == "MAX" else "global_average_pool"
        )
    rounding = params.one("rounding", "up")
    if isinstance(rounding, int):
        raise layer.refuse(
            "rounds its output size by a field that versions of Caffe read differently; set net to the network's "
            ".prototxt file"
        )
    found = window(layer, "pooling_param")
    if any(step > side for step, side in zip(found["stride"], found["kernel"], strict=True)):
        raise layer.refuse("has a stride larger than its kernel")
    return visited.add(
        layer,
        Pool,
        visited.node(layer),
        op="max_pool" if kind == "MAX" else "average_pool",
        round_up=rounding == "up",
        **found,
    )


def _batch_norm(layer: Layer, visited: Walk) -> Value:
    return visited.add(
        layer,
        BatchNorm,
        visited.node(layer),
        affine=False,
        epsilon=round(layer.section("batch_norm_param").one("eps", 1e-5), 12),
    )


def _scale(layer: Layer, visited: Walk) -> Value:
    params = layer.section("scale_param")
    if len(layer.bottoms) != 1 or _axis(params, "axis", 1, 4) != 1 or params.one("num_axes", 1) != 1:
        raise layer.refuse("does not have one scale for each channel")
    return visited.add(layer, Scale, visited.node(layer), bias=bool(params.one("bias_term", 0)))


def _normalize(layer: Layer, visited: Walk) -> Value:
    params = layer.section("norm_param")
    if params.one("across_spatial", 1):
        raise layer.refuse("normalizes across all cells, not each cell")
    return visited.add(layer, Normalize, visited.node(layer), epsilon=params.one("eps", 1e-10))


def _relu(layer: Layer, visited: Walk) -> Value:
    slope = layer.section("relu_param").one("negative_slope", 0.0)
    kind = {"op": "leaky_relu", "slope": round(slope, 7)} if slope else {"op": "relu"}
    return visited.add(layer, Activate, visited.node(layer), **kind)


def _prelu(layer: Layer, visited: Walk) -> Value:
    return visited.add(layer, Activate, visited.node(layer), op="prelu")


def _sigmoid(layer: Layer, visited: Walk) -> Value:
    value = visited.value(layer, 0)
    if isinstance(value, Flat):
        return replace(value, activation="sigmoid")
    return visited.add(layer, Activate, visited.node(layer), op="sigmoid")


def _softmax(layer: Layer, visited: Walk) -> Value:
    value = visited.value(layer, 0)
    axis = _axis(layer.section("softmax_param"), "axis", 1, _axes(value))
    if not isinstance(value, Flat) or not value.rows or axis != _axes(value) - 1:
        raise layer.refuse(
            "does not normalise the classes of each prior; a Reshape layer before it must put each prior in a row"
        )
    return replace(value, activation="softmax", over=value.rows)


def _eltwise(layer: Layer, visited: Walk) -> Value:
    params = layer.section("eltwise_param")
    if any(value != 1 for value in params.all("coeff")):
        raise layer.refuse("has coefficients other than 1")
    op = {"PROD": "multiply", "SUM": "add", "MAX": "maximum"}[params.one("operation", "SUM")]
    return visited.add(layer, Join, *(visited.node(layer, i) for i in range(len(layer.bottoms))), op=op)


def _concat(layer: Layer, visited: Walk) -> Value:
    params = layer.section("concat_param")
    values = [visited.value(layer, i) for i in range(len(layer.bottoms))]
    axis = _axis(params, "axis", params.one("concat_dim", 1), max(map(_axes, values), default=4))
    flat = [value for value in values if isinstance(value, Flat)]
    priors = [value for value in values if isinstance(value, PriorLayers)]
    if flat and len(flat) == len(values) and axis == 1 and not any(value.activation for value in flat):
        if len({value.rows and dims(value.rows) for value in flat}) > 1:
            raise layer.refuse("concatenates rows of different lengths")
        return replace(flat[0], nodes=tuple(node for value in flat for node in value.nodes))
    if priors and len(priors) == len(values) and axis == 2:
        return PriorLayers(tuple(one for value in priors for one in value.layers))
    nodes = [visited.node(layer, i) for i in range(len(layer.bottoms))]
    if axis != 1:
        raise layer.refuse(f"concatenates along axis {axis}, not along the channels")
    return visited.add(layer, Join, *nodes, op="concat") if len(nodes) > 1 else Map(nodes[0])


def _permute(layer: Layer, visited: Walk) -> Value:
    if layer.section("permute_param").all("order") != [0, 2, 3, 1]:
        raise layer.refuse("does not move the channels to the last axis")
    return Turned(visited.node(layer))


def _flatten(layer: Layer, visited: Walk) -> Value:
    value = visited.value(layer, 0)
    params = layer.section("flatten_param")
    count = _axes(value)
    if _axis(params, "axis", 1, count) != 1 or _axis(params, "end_axis", -1, count) != count - 1:
        raise layer.refuse("does not flatten all axes except the batch")
    return _in_a_row(layer, value)


def _reshape(layer: Layer, visited: Walk) -> Value:
    params, shape = layer.section("reshape_param"), dims(layer)
    if params.one("axis", 0) != 0 or params.one("num_axes", -1) != -1:
        raise layer.refuse("reshapes only some of the axes")
    if shape == (0, -1):
        return _in_a_row(layer, visited.value(layer, 0))
    if len(shape) not in (2, 3) or shape[0] not in (0, -1) or shape.count(-1) != 1 or shape[-1] < 1:
        raise layer.refuse(f"reshapes to {list(shape)}, which is not one row of classes for each prior")
    return _in_a_row(layer, visited.value(layer, 0), layer)


def dims(reshape: Layer) -> tuple[int, ...]:
    """Output shape of a ``Reshape`` layer, as its parameters give it."""
    return tuple(reshape.section("reshape_param").section("shape").all("dim"))


def _in_a_row(layer: Layer, value: Value, rows: Layer | None = None) -> Value:
    """Outputs of heads one behind the other, or in rows as a layer says."""
    if isinstance(value, Turned):
        return Flat((value.node,), rows=rows)
    if isinstance(value, Flat):
        return replace(value, rows=rows)
    if isinstance(value, PriorLayers):
        return value
    raise layer.refuse("takes a feature map whose channels are not the last axis")


def _prior_box(layer: Layer, visited: Walk) -> Value:
    return PriorLayers(((layer, visited.node(layer)),))


def _nothing(layer: Layer, visited: Walk) -> Value:
    return visited.value(layer, 0)


_KINDS: dict[str, Callable[[Layer, Walk], Value]] = {
    **dict.fromkeys(("Convolution", *DEPTHWISE), _convolution),
    "Pooling": _pooling,
    "BatchNorm": _batch_norm,
    "Scale": _scale,
    "Normalize": _normalize,
    "ReLU": _relu,
    "ReLU6": lambda layer, visited: visited.add(layer, Activate, visited.node(layer), op="relu6"),
    "PReLU": _prelu,
    "Sigmoid": _sigmoid,
    "Softmax": _softmax,
    "Eltwise": _eltwise,
    "Concat": _concat,
    "Permute": _permute,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "PriorBox": _prior_box,
    "Dropout": _nothing,
    "Split": _nothing,
}
"""What each type of layer gives."""
