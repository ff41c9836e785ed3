"""Declares which blobs of Caffe's layers the weights of a graph's layers are made from."""

from collections.abc import Mapping

import numpy as np

from multibox.annotations.counting import counted
from multibox.importers.caffe_net import Layer
from multibox.importers.peer import Part, Weights
from multibox.layer_graph import Activate, BatchNorm, Conv, Kernel, Node, Normalize, Scale
from multibox.models.graph_shapes import Shape, is_depthwise


def node_part(node: Node, layers: Mapping[str, Layer], scales: Mapping[str, Layer], shape: Shape) -> Part | None:
    """Declare which Caffe blobs the weights of a graph's node are made from.

    Args:
        node: Node of the layer graph, which becomes a layer in Multibox.
        layers: Caffe's layers by the names of the nodes.
        scales: The ``Scale`` layers that became a part of a batch normalisation, by its node's name.
        shape: Height, width and number of channels of the node's input.

    Returns:
        The declaration of the layer's weights. None if the layer has no weights.
    """
    layer = layers[node.name]
    if isinstance(node, Conv):
        return conv_part(node.name, layer, node, shape, node.filters)
    if isinstance(node, BatchNorm):
        return _norm_part(node.name, layer, scales.get(node.name), shape.channels)
    if isinstance(node, Scale):
        return _scale_part(node.name, layer, shape.channels, shift=node.bias)
    if isinstance(node, Normalize):
        root = np.float32(shape.channels**0.5)
        return Part(node.name, _blobs(layer, 1), lambda values: [_each(layer, values[0], shape.channels) / root])
    if isinstance(node, Activate) and node.op == "prelu":
        return Part(node.name, _blobs(layer, 1), lambda values: [_each(layer, values[0], shape.channels)[None, None]])
    return None


def conv_part(ours: str, layer: Layer, conv: Kernel, shape: Shape, filters: int) -> Part:
    """Declare which Caffe blobs the weights of a convolution are made from.

    Args:
        ours: Name of the layer in Multibox.
        layer: Caffe's layer. Its kernel has the axes (out, in, y, x).
        conv: Kernel, stride and padding of the convolution.
        shape: Height, width and number of channels of the feature map that the convolution takes.
        filters: Number of channels of the convolution's output.
    """

    def change(values: Weights) -> Weights:
        kernel = values[0]
        needed = (filters, shape.channels // conv.groups, *conv.kernel)
        if kernel.shape != needed:
            raise layer.refuse(
                f"needs a kernel of {_text(needed)}, but the kernel in the weights' file is {_text(kernel.shape)}"
            )
        if is_depthwise(conv, shape.channels):
            kernel = kernel.reshape(shape.channels, -1, *kernel.shape[2:]).transpose(2, 3, 0, 1)
        else:
            kernel = kernel.transpose(2, 3, 1, 0)
        return [kernel, *(_vector(layer, value, filters) for value in values[1:])]

    return Part(ours, _blobs(layer, 2 if conv.bias else 1), change)


def _scale_part(ours: str, layer: Layer, channels: int, *, shift: bool) -> Part:
    def change(values: Weights) -> Weights:
        factor, *shifts = (_vector(layer, value, channels) for value in values)
        return [factor.reshape(1, 1, -1, 1), *shifts]

    return Part(ours, _blobs(layer, 2 if shift else 1), change)


def _norm_part(ours: str, layer: Layer, scale: Layer | None, channels: int) -> Part:
    """Mean and variance are sums, which the third blob says the number of. Scale and shift are another layer's."""
    shift = scale is not None and bool(scale.section("scale_param").one("bias_term", 0))
    blobs = _blobs(scale, 2 if shift else 1) if scale else ()

    def change(values: Weights) -> Weights:
        (factor,) = _vector(layer, values[2], 1)
        by = np.float32(0 if factor == 0 else 1 / np.float64(factor))
        moments = [_vector(layer, value, channels) * by for value in values[:2]]
        if scale is None:
            return moments
        factors, *shifts = (_vector(scale, value, channels) for value in values[3:])
        return [factors, *(shifts or [np.zeros(channels, np.float32)]), *moments]

    return Part(ours, (*_blobs(layer, 3), *blobs), change)


def _blobs(layer: Layer, count: int) -> tuple[str, ...]:
    return tuple(f"{layer.name}/{i}" for i in range(count))


def _vector(layer: Layer, values: np.ndarray, count: int) -> np.ndarray:
    """Numbers of a blob, one for each channel."""
    if values.size != count:
        raise layer.refuse(f"needs {counted(count, 'number')}, but its blob in the weights' file has {values.size}")
    return values.ravel()


def _each(layer: Layer, values: np.ndarray, channels: int) -> np.ndarray:
    """Numbers of all channels, of which the file may have one for all."""
    return _vector(layer, np.broadcast_to(values.ravel(), (channels,)) if values.size == 1 else values, channels)


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
