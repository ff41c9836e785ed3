"""Builds a network from a layer graph, with Keras' built-in layers.

The graph holds paddings as numbers of cells. Which of Keras' padding modes gives that number depends on the size of the
input, so the mode is chosen here.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from multibox.errors import BadInput
from multibox.layer_graph import (
    IMAGE,
    Activate,
    BatchNorm,
    Conv,
    GlobalPool,
    Graph,
    HeadConv,
    Join,
    Kernel,
    Node,
    Normalize,
    Pool,
    Scale,
)
from multibox.models.graph_shapes import FIELD, conv_cells, graph_shapes, is_depthwise, is_thinned, pool_cells
from multibox.models.layers import Tensor, batch_norm

BRIGHTNESS = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the brightness of a pixel (ITU-R BT.601), as OpenCV has them."""

COLOUR = "colour"
"""Name of the layer that converts RGB to the graph's colour. It is never trained."""

CHANNELS = {"bgr": np.eye(3)[:, ::-1], "grey": np.array(BRIGHTNESS)[:, None]}
"""For each colour of a graph's input, the matrix that converts RGB to its channels."""

LENGTH = 20
"""Initial length to which L2 normalisation scales the channels of each cell (arXiv 1506.04579)."""

Axis = tuple[int, int, int, int, int]
"""One axis of a convolution or pooling: number of input cells, extent of the window, stride, padding, number of
outputs."""


def graph_outputs(graph: Graph, image: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
    """Build the layers of a graph.

    Args:
        graph: Layers of the network.
        image: Normalised input, ``(B, H, W, 3)`` RGB.
        size: Height and width of the input, pixels.

    Returns:
        Dict from the nodes' names to their outputs.

    Raises:
        BadInput: The graph does not fit the input, or has a pooling layer that Keras cannot compute.
    """
    graph_shapes(graph, size)
    outputs = {IMAGE: _colour(image, graph.colour)}
    for node in graph.nodes:
        inputs = [outputs[name] for name in node.inputs]
        outputs[node.name] = _BUILDERS[type(node)](node, *inputs)
    return outputs


def head_conv(conv: HeadConv) -> Callable[[Tensor, int, str, float], Tensor]:
    """Return the function that makes a head of a graph, as :data:`multibox.models.ssd.Head` describes it."""

    def head(x: Tensor, outputs: int, name: str, bias: float) -> Tensor:
        start = keras.initializers.Constant(bias)
        return _conv(conv, x, outputs, name, kernel_initializer="lecun_uniform", bias_initializer=start)

    return head


def _colour(image: Tensor, colour: str) -> Tensor:
    if colour not in CHANNELS:
        return image
    matrix = CHANNELS[colour].astype(np.float32)
    layer = layers.Conv2D(matrix.shape[1], 1, use_bias=False, trainable=False, name=COLOUR)
    channels = layer(image)
    layer.set_weights([matrix[None, None]])
    return channels


def _conv(conv: Kernel, x: Tensor, filters: int, name: str, **options: Any) -> Tensor:
    if is_thinned(conv):
        whole = conv.model_copy(update={"stride": (1, 1)})
        return layers.MaxPooling2D(1, conv.stride, name=f"{name}-cells")(_conv(whole, x, filters, name, **options))
    channels = x.shape[-1]
    outputs = conv_cells(conv, x.shape[1:])
    spans = [(side - 1) * gap + 1 for side, gap in zip(conv.kernel, conv.dilation, strict=True)]
    axes = list(zip(x.shape[1:3], spans, conv.stride, conv.pad, outputs, strict=True))
    padding = "same" if all(map(_is_same, axes)) else "valid"
    if padding == "valid" and any(conv.pad):
        x = layers.ZeroPadding2D(tuple((pad, pad) for pad in conv.pad), name=f"{name}-pad")(x)
    common = {"strides": conv.stride, "dilation_rate": conv.dilation, "padding": padding, "use_bias": conv.bias}
    if is_depthwise(conv, channels):
        if start := options.pop("kernel_initializer", None):
            options["depthwise_initializer"] = start
        return layers.DepthwiseConv2D(
            conv.kernel, depth_multiplier=filters // channels, name=name, **common, **options
        )(x)
    return layers.Conv2D(filters, conv.kernel, groups=conv.groups, name=name, **common, **options)(x)


def _pool(node: Pool, x: Tensor) -> Tensor:
    sizes = zip(x.shape[1:3], node.kernel, node.stride, node.pad, strict=True)
    axes: list[Axis] = [(*axis, pool_cells(*axis, round_up=node.round_up)) for axis in sizes]
    if node.op == "max_pool":
        return _max_pool(node, x, axes)
    if any(node.pad):
        x = layers.ZeroPadding2D(tuple((pad, pad) for pad in node.pad), name=f"{node.name}-pad")(x)
        axes = [(length + 2 * pad, span, stride, 0, outputs) for length, span, stride, pad, outputs in axes]
    padding = _padding(axes)
    if padding is not None:
        return layers.AveragePooling2D(node.kernel, node.stride, padding=padding, name=node.name)(x)
    of_rows, of_columns = map(_padding, ([axis] for axis in axes))
    if of_rows is None or of_columns is None:
        raise BadInput(
            FIELD,
            f"{node.name} averages over windows that reach beyond the edge of the map in a way that Keras does not "
            "support",
        )
    (height, width), (down, right) = node.kernel, node.stride
    x = layers.AveragePooling2D((height, 1), (down, 1), padding=of_rows, name=f"{node.name}-rows")(x)
    return layers.AveragePooling2D((1, width), (1, right), padding=of_columns, name=node.name)(x)


def _max_pool(node: Pool, x: Tensor, axes: list[Axis]) -> Tensor:
    padding = _padding(axes)
    if padding is None:
        for axis, window in enumerate(axes, start=1):
            x = _repeat_edges(x, axis, window, f"{node.name}-{'rows' if axis == 1 else 'columns'}")
    return layers.MaxPooling2D(node.kernel, node.stride, padding=padding or "valid", name=node.name)(x)


def _repeat_edges(x: Tensor, axis: int, window: Axis, name: str) -> Tensor:
    """Pad an axis with copies of its first and last cells, which change no maximum of windows that reach beyond."""
    length, _, _, before, _ = window
    after = max(_beyond(window), 0)

    def only(cell: int, which: str) -> Tensor:
        crop = [(0, 0), (0, 0)]
        crop[axis - 1] = (cell, length - 1 - cell)
        return layers.Cropping2D(tuple(crop), name=f"{name}-{which}")(x)

    parts = [only(0, "first")] * before if before else []
    parts += [x] + ([only(length - 1, "last")] * after if after else [])
    return layers.Concatenate(axis=axis, name=name)(parts) if len(parts) > 1 else x


def _beyond(axis: Axis) -> int:
    """Number of cells by which the last window ends beyond the input."""
    length, span, stride, pad, outputs = axis
    return (outputs - 1) * stride + span - length - pad


def _is_valid(axis: Axis) -> bool:
    return axis[3] == 0 and _beyond(axis) <= 0


def _is_same(axis: Axis) -> bool:
    """Whether Keras' padding ``same`` gives these windows: of the cells that are missing, the odd one comes after."""
    length, _, stride, pad, outputs = axis
    missing = max(_beyond(axis) + pad, 0)
    return outputs == -(-length // stride) and missing // 2 == pad


def _padding(axes: list[Axis]) -> str | None:
    """Keras' padding that gives these windows along all axes. None if neither does."""
    fits = {"valid": _is_valid, "same": _is_same}
    return next((how for how, is_it in fits.items() if all(map(is_it, axes))), None)


def _global_pool(node: GlobalPool, x: Tensor) -> Tensor:
    kind = layers.GlobalMaxPooling2D if node.op == "global_max_pool" else layers.GlobalAveragePooling2D
    return kind(keepdims=True, name=node.name)(x)


def _batch_norm(node: BatchNorm, x: Tensor) -> Tensor:
    return batch_norm(node.name, node.epsilon, center=node.affine, scale=node.affine)(x)


def _scale(node: Scale, x: Tensor) -> Tensor:
    return layers.DepthwiseConv2D(1, use_bias=node.bias, depthwise_initializer="ones", name=node.name)(x)


def _normalize(node: Normalize, x: Tensor) -> Tensor:
    """Keras divides by the root of the mean square, which is the length over the root of the number of channels."""
    norm = layers.RMSNormalization(epsilon=node.epsilon / x.shape[-1], dtype="float32", name=node.name)
    y = norm(x)
    norm.set_weights([norm.get_weights()[0] * LENGTH / x.shape[-1] ** 0.5])
    return y


def _activate(node: Activate, x: Tensor) -> Tensor:
    made = {
        "relu6": lambda: layers.ReLU(6.0, name=node.name),
        "leaky_relu": lambda: layers.LeakyReLU(node.slope, name=node.name),
        "prelu": lambda: layers.PReLU(shared_axes=[1, 2], name=node.name),
    }
    make = made.get(node.op, lambda: layers.Activation(node.op, name=node.name))
    return make()(x)


def _join(node: Join, *inputs: Tensor) -> Tensor:
    kinds = {"add": layers.Add, "multiply": layers.Multiply, "maximum": layers.Maximum}
    layer = layers.Concatenate(name=node.name) if node.op == "concat" else kinds[node.op](name=node.name)
    return layer(list(inputs))


_BUILDERS: dict[type[Node], Callable[..., Tensor]] = {
    Conv: lambda node, x: _conv(node, x, node.filters, node.name),
    Pool: _pool,
    GlobalPool: _global_pool,
    BatchNorm: _batch_norm,
    Scale: _scale,
    Normalize: _normalize,
    Activate: _activate,
    Join: _join,
}
"""Function that builds the layers of each kind of node."""
