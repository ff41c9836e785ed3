"""Computes the shapes of a layer graph's feature maps without Keras."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from multibox.errors import BadInput
from multibox.layer_graph import IMAGE, BatchNorm, Conv, GlobalPool, Graph, Heads, Join, Kernel, Node, Pool, head_convs
from multibox.priors import FeatureMap

FIELD = "network.graph"

MOST_NUMBERS = 1 << 28
"""Limit on each of these: the number of weights of a graph without its heads, of its heads, and the size of a feature
map."""


class Shape(NamedTuple):
    """Height, width and number of channels of a feature map.

    Attributes:
        height: Number of rows of cells.
        width: Number of columns of cells.
        channels: Number of channels.
    """

    height: int
    width: int
    channels: int


def graph_shapes(graph: Graph, size: tuple[int, int]) -> dict[str, Shape]:
    """Compute the shape of each node's output.

    Args:
        graph: Layers of the network.
        size: Height and width of the network's input, pixels.

    Returns:
        Dict from the nodes' names, and from :data:`multibox.layer_graph.IMAGE`, to shapes.

    Raises:
        BadInput: The inputs of a node have different sizes, the output of a node would have no cells, or the network is
            too large.
    """
    shapes = {IMAGE: Shape(*size, 1 if graph.colour == "grey" else 3)}
    weights = 0
    for node in graph.nodes:
        inputs = [shapes[name] for name in node.inputs]
        shape = _output(node, inputs)
        if min(shape) < 1:
            raise BadInput(
                FIELD, f"the output of {node.name} would have no cells for an input of {size[1]} x {size[0]} pixels"
            )
        shapes[node.name] = shape
        weights += _weights(node, inputs[0])
        if _numbers(node, inputs[0], shape) > MOST_NUMBERS or weights > MOST_NUMBERS:
            raise BadInput(FIELD, f"the network is too large: {node.name} exceeds {MOST_NUMBERS} weights or values")
    for heads in graph.heads:
        _verify_heads(heads, shapes)
    return shapes


def graph_maps(graph: Graph, size: tuple[int, int]) -> tuple[FeatureMap, ...]:
    """List the feature maps that feed the heads of a graph.

    Args:
        graph: Layers of the network.
        size: Height and width of the network's input, pixels.

    Raises:
        BadInput: The graph does not fit the input.
    """
    shapes = graph_shapes(graph, size)
    maps = []
    for heads in graph.heads:
        height, width, _ = shapes[heads.map]
        step_y, step_x = heads.step or (size[0] / height, size[1] / width)
        maps.append(FeatureMap(heads.name, height, width, step_y, step_x))
    return tuple(maps)


def require_bounded_heads(graph: Graph, size: tuple[int, int], per_cell: Sequence[int], classes: int) -> None:
    """Verify that the heads of a graph are not too large.

    Args:
        graph: Layers of the network.
        size: Height and width of the network's input, pixels.
        per_cell: Number of priors in a cell of each feature map.
        classes: Number of classes, without background.

    Raises:
        BadInput: The heads have more than :data:`MOST_NUMBERS` weights, or a dilated head computes more values than
            that before its stride is applied.
    """
    shapes = graph_shapes(graph, size)
    convs = [
        (conv, shapes[conv.input], count * width)
        for heads, count in zip(graph.heads, per_cell, strict=True)
        for conv, width in ((heads.classes, classes + 1), (heads.boxes, 4))
    ]
    weights = sum(filters * prod(conv.kernel) * shape.channels // conv.groups for conv, shape, filters in convs)
    if weights > MOST_NUMBERS:
        raise BadInput(FIELD, f"the heads are too large: they have {weights:,} weights")
    if any(
        is_thinned(conv) and prod(_all_cells(conv, shape)) * filters > MOST_NUMBERS for conv, shape, filters in convs
    ):
        raise BadInput(
            FIELD,
            f"the heads are too large: a dilated head computes more than {MOST_NUMBERS} values before its stride is "
            "applied",
        )


def conv_cells(conv: Kernel, shape: Shape) -> tuple[int, int]:
    """Number of rows and columns of the output of a convolution.

    Only windows that fit wholly into the padded map count.
    """
    spans = [(side - 1) * gap + 1 for side, gap in zip(conv.kernel, conv.dilation, strict=True)]
    height, width = (
        (length + 2 * pad - span) // stride + 1
        for length, pad, span, stride in zip(shape[:2], conv.pad, spans, conv.stride, strict=True)
    )
    return height, width


def is_thinned(conv: Kernel) -> bool:
    """Whether a convolution is computed with stride 1 and its stride applied afterwards.

    Keras has no stride for a dilated convolution.
    """
    return max(conv.stride) > 1 and max(conv.dilation) > 1


def is_depthwise(conv: Kernel, channels: int) -> bool:
    """Whether a convolution is built as a depthwise one, whose kernel has the axes (y, x, in, multiplier)."""
    return conv.groups == channels > 1 and (conv.stride[0] == conv.stride[1] or is_thinned(conv))


def pool_cells(length: int, kernel: int, stride: int, pad: int, *, round_up: bool) -> int:
    """Number of output cells along an axis of a pooling layer.

    With ``round_up``, a window that begins within the padded map counts even if it ends beyond it.
    """
    beyond = length + 2 * pad - kernel
    cells = (-(-beyond // stride) if round_up else beyond // stride) + 1
    return cells - 1 if (cells - 1) * stride >= length + pad else cells


def _verify_heads(heads: Heads, shapes: dict[str, Shape]) -> None:
    for name, conv in head_convs(heads):
        shape = shapes[conv.input]
        if conv_cells(conv, shape) != shapes[heads.map][:2] or shape.channels % conv.groups:
            raise BadInput(FIELD, f"{name} does not give an output for each cell of its map")


def _output(node: Node, inputs: list[Shape]) -> Shape:
    first = inputs[0]
    if isinstance(node, Conv):
        if first.channels % node.groups or node.filters % node.groups:
            raise BadInput(
                FIELD,
                f"{node.name} has {node.groups} groups, which do not divide both its {first.channels} input "
                f"channels and its {node.filters} filters",
            )
        return Shape(*conv_cells(node, first), node.filters)
    if isinstance(node, Pool):
        if any(pad >= side for pad, side in zip(node.pad, node.kernel, strict=True)):
            raise BadInput(FIELD, f"{node.name} has a padding that is larger than its window")
        axes = zip(first[:2], node.kernel, node.stride, node.pad, strict=True)
        height, width = (pool_cells(*axis, round_up=node.round_up) for axis in axes)
        return Shape(height, width, first.channels)
    if isinstance(node, GlobalPool):
        return Shape(1, 1, first.channels)
    if not isinstance(node, Join):
        return first
    if node.op == "concat":
        if any(shape[:2] != first[:2] for shape in inputs):
            raise BadInput(FIELD, f"{node.name} combines maps of different sizes: {_cells(inputs)} cells")
        return Shape(first.height, first.width, sum(shape.channels for shape in inputs))
    if any(shape != first for shape in inputs):
        raise BadInput(FIELD, f"{node.name} combines maps of different shapes: {' and '.join(map(_text, inputs))}")
    return first


def _all_cells(conv: Kernel, shape: Shape) -> tuple[int, int]:
    """Number of rows and columns of cells that a convolution would give with stride 1."""
    return conv_cells(conv.model_copy(update={"stride": (1, 1)}), shape)


def _numbers(node: Node, taken: Shape, given: Shape) -> int:
    """Largest number of numbers that a node's computation holds at once."""
    if isinstance(node, Conv) and is_thinned(node):
        return prod(_all_cells(node, taken)) * node.filters
    return prod(given)


def _weights(node: Node, shape: Shape) -> int:
    if isinstance(node, Conv):
        return node.kernel[0] * node.kernel[1] * shape.channels // node.groups * node.filters
    return 4 * shape.channels if isinstance(node, BatchNorm) else 0


def _cells(shapes: list[Shape]) -> str:
    return " and ".join(f"{shape.height} x {shape.width}" for shape in shapes)


def _text(shape: Shape) -> str:
    return f"{shape.height} x {shape.width} x {shape.channels}"
