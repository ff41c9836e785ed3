"""The layers of a Keras network in the order in which they are called, and how Keras pads their inputs.

What computes a network without Keras' layers begins here: ONNX (``models/onnx_graph.py``) and PyTorch
(``models/torch_network.py``).
"""

from collections import Counter
from typing import Any, NamedTuple

Shape = tuple[int | None, ...]


class Call(NamedTuple):
    """A call of a layer in a network.

    Attributes:
        layer: The Keras layer.
        inputs: Symbolic tensors of Keras that the layer takes.
        output: Symbolic tensor of Keras that the layer returns.
    """

    layer: Any
    inputs: list[Any]
    output: Any


def layer_calls(network: Any) -> list[Call]:
    """List the calls of a network's layers, in an order in which inputs come first.

    Args:
        network: Functional Keras model with one input. Layers that it shares with other models are called once.
    """
    nodes = [node for operation in network.operations for node in operation._inbound_nodes if not node.is_input]
    known, ordered = {id(network.inputs[0])}, []
    while nodes:
        ready = [node for node in nodes if all(id(tensor) in known for tensor in node.input_tensors)]
        if not ready:  # what remains belongs to other models that share a layer
            break
        ordered += ready
        known |= {id(tensor) for node in ready for tensor in node.output_tensors}
        nodes = [node for node in nodes if node not in ready]
    return [Call(node.operation, node.input_tensors, node.output_tensors[0]) for node in ordered]


def normalised_convolutions(calls: list[Call]) -> list[tuple[Call, Call]]:
    """List the convolutions without an activation whose output only a batch normalisation takes.

    Args:
        calls: Calls of a network's layers, as :func:`layer_calls` returns them.

    Returns:
        Pairs of the convolution's call and the normalisation's.
    """
    uses = Counter(id(tensor) for call in calls for tensor in call.inputs)
    convolutions = {
        id(call.output): call
        for call in calls
        if type(call.layer).__name__ in ("Conv2D", "DepthwiseConv2D") and call.layer.activation.__name__ == "linear"
    }
    return [
        (convolutions[id(call.inputs[0])], call)
        for call in calls
        if type(call.layer).__name__ == "BatchNormalization"
        and id(call.inputs[0]) in convolutions
        and uses[id(call.inputs[0])] == 1
    ]


def pads(
    padding: str, shape: Shape, kernel: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...] = (1, 1)
) -> list[int]:
    """Cells that Keras adds to a map before a convolution or a pool. With ``same`` the odd cell comes after.

    Args:
        padding: ``same`` or ``valid``.
        shape: Shape ``(None, H, W, C)`` of the map.
        kernel: Height and width of the kernel, cells.
        strides: Strides along both axes.
        dilation: Distances of the kernel's cells along both axes.

    Returns:
        Cells above, on the left, below and on the right.
    """
    if padding == "valid":
        return [0, 0, 0, 0]
    before, after = [], []
    for length, side, stride, gap in zip(shape[1:3], kernel, strides, dilation, strict=True):
        assert length is not None
        outputs = -(-length // stride)
        total = max((outputs - 1) * stride + (side - 1) * gap + 1 - length, 0)
        before.append(total // 2)
        after.append(total - total // 2)
    return before + after
