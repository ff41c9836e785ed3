"""Verification that the compiler of the Edge TPU maps every layer of a LiteRT file, by parsing the file.

The operators and their limits are those of "TensorFlow models on the Edge TPU",
https://coral.ai/docs/edgetpu/models-intro, for version 14 of the runtime. The compiler splits a model once: everything
after the first operator that it does not map runs on the CPU.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from multibox.annotations.counting import some
from multibox.errors import BadInput
from multibox.export.litert_graph import LiteRtGraph

# fmt: off
OPERATORS = frozenset({
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "EXPAND_DIMS", "FULLY_CONNECTED",
    "L2_NORMALIZATION", "LOGISTIC", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "PACK", "PAD", "PRELU",
    "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6", "RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SLICE", "SOFTMAX", "SPACE_TO_DEPTH", "SPLIT", "SQUARED_DIFFERENCE",
    "SQUEEZE", "STRIDED_SLICE", "SUB", "SUM", "TANH", "TRANSPOSE", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM",
})
# fmt: on
"""Operators that the compiler maps to the Edge TPU."""

AFTER = frozenset({"DEQUANTIZE", "GATHER", "SOFTMAX", "LOGISTIC", "CUSTOM"})
"""Operators of the post-processing, which runs on the CPU, up to ``TFLite_Detection_PostProcess``."""

AROUND_FLOAT = ("DEQUANTIZE", "QUANTIZE")
"""Operators that the converter inserts around a layer that computes in float. Messages name that layer and not these
operators."""

INTEGERS, CONSTANTS = ("INT8", "UINT8"), ("INT8", "UINT8", "INT32")
"""Types that the Edge TPU supports: of computed tensors, and of constants."""

MOST_FOR_SOFTMAX = 16_000


class Fallback(NamedTuple):
    """A layer that would run on the CPU instead of the Edge TPU.

    Attributes:
        layer: Name of the layer.
        operator: Name of the operator.
        reason: Why the compiler does not map the layer.
    """

    layer: str
    operator: str
    reason: str


def require_mapped(path: Path) -> None:
    """Verify that the Edge TPU computes a whole detector, up to its post-processing.

    Args:
        path: Path of a LiteRT file in SSD's own layout.

    Raises:
        BadInput: A layer would run on the CPU. The message names the layer.
    """
    found = find_fallbacks(path)
    if found:
        layers = some(list(dict.fromkeys(f"{one.layer} ({one.operator}: {one.reason})" for one in found)), 3)
        raise BadInput(
            "target",
            f"edgetpu: these layers would not run on the Edge TPU: {layers}; train a network without them, such as "
            "that of the preset ssdlite-efficientnet",
        )


def find_fallbacks(path: Path) -> list[Fallback]:
    """Find the layers of a detector that would run on the CPU instead of the Edge TPU.

    Args:
        path: Path of a LiteRT file in SSD's own layout.

    Returns:
        Layers before the post-processing that the compiler does not map, in the order of the file.
    """
    graph = LiteRtGraph(path.read_bytes())
    after = _after_network(graph)
    found = [
        Fallback(graph.layer(op), graph.kind(op), reason)
        for i, op in enumerate(graph.operators)
        if i not in after and (reason := _reason(graph, op))
    ]
    return [one for one in found if one.operator not in AROUND_FLOAT] or found


def _after_network(graph: LiteRtGraph) -> set[int]:
    """Positions of the operators of the post-processing: the last one, and those around it."""
    maker = {op.Outputs(i): k for k, op in enumerate(graph.operators) for i in range(op.OutputsLength())}
    last = max(k for k, op in enumerate(graph.operators) if graph.kind(op) == "CUSTOM")
    found, left = set(range(last, len(graph.operators))), [last]
    while left:
        op = graph.operators[left.pop()]
        makers = {maker[op.Inputs(i)] for i in range(op.InputsLength()) if op.Inputs(i) in maker}
        new = {k for k in makers - found if graph.kind(graph.operators[k]) in AFTER}
        found |= new
        left.extend(k for k in new if graph.kind(graph.operators[k]) != "DEQUANTIZE")
    return found


def _reason(graph: LiteRtGraph, op: Any) -> str:
    """Why the compiler does not map an operator. Empty if it does."""
    kind = graph.kind(op)
    if kind not in OPERATORS:
        return "is not supported by its compiler"
    for tensor in [*graph.inputs(op), *graph.outputs(op)]:
        is_constant = graph.constant(tensor) is not None
        if graph.type(tensor) not in (CONSTANTS if is_constant else INTEGERS):
            return f"computes in {graph.type(tensor).lower()}"
        if not is_constant and not _is_image(tensor):
            return "has no fixed size, or a batch size other than 1"
    return LIMITS[kind](graph, op) if kind in LIMITS else ""


def _is_image(tensor: Any) -> bool:
    """Whether a tensor has a fixed size, and at most three axes longer than 1, the innermost ones."""
    shape = list(tensor.ShapeAsNumpy()) if tensor.ShapeLength() else []
    asked = list(tensor.ShapeSignatureAsNumpy()) if tensor.ShapeSignatureLength() else shape
    return min([*shape, *asked], default=1) > 0 and all(length == 1 for length in shape[:-3])


def _activation(name: str) -> Callable[[LiteRtGraph, Any], str]:
    return lambda graph, op: "has an activation" if graph.options(op, name).FusedActivationFunction() else ""


def _dilation(name: str) -> Callable[[LiteRtGraph, Any], str]:
    def limit(graph: LiteRtGraph, op: Any) -> str:
        options = graph.options(op, name)
        same = options.DilationWFactor() == options.DilationHFactor()
        return "" if same else "has different dilations along x and y"

    return limit


def _concatenation(graph: LiteRtGraph, op: Any) -> str:
    constants = [value for value in map(graph.constant, graph.inputs(op)) if value is not None]
    if constants and (op.InputsLength() != 2 or any(value.any() for value in constants)):
        return "concatenates a constant that is not zero"
    return _activation("ConcatenationOptions")(graph, op)


def _fully_connected(graph: LiteRtGraph, op: Any) -> str:
    (output,) = graph.outputs(op)
    return "" if output.ShapeAsNumpy()[:-1].prod() == 1 else "has an output of more than one axis"


def _reduction(graph: LiteRtGraph, op: Any) -> str:
    values, axes = graph.inputs(op)
    numbers = graph.constant(axes)
    rank = values.ShapeLength()
    reduced = {axis % rank for axis in numbers.view(np.int32)} if numbers is not None else {0}
    if 0 in reduced and rank > 3:
        return "reduces over images"
    depth = int(values.ShapeAsNumpy()[-1])
    return "reduces a number of channels that is not a multiple of 4" if rank - 1 in reduced and depth % 4 else ""


def _softmax(graph: LiteRtGraph, op: Any) -> str:
    (output,) = graph.outputs(op)
    shape = output.ShapeAsNumpy()
    return "" if shape.prod() == shape[-1] <= MOST_FOR_SOFTMAX else "has more than one axis, or more than 16,000 values"


def _strided_slice(graph: LiteRtGraph, op: Any) -> str:
    options, strides = graph.options(op, "StridedSliceOptions"), graph.constant(graph.inputs(op)[3])
    plain = strides is not None and (strides.view(np.int32) == 1).all()
    return (
        ""
        if plain and not options.EllipsisMask() and not options.NewAxisMask()
        else "has a stride other than 1, or adds axes"
    )


LIMITS: dict[str, Callable[[LiteRtGraph, Any], str]] = {
    "AVERAGE_POOL_2D": _activation("Pool2DOptions"),
    "MAX_POOL_2D": _activation("Pool2DOptions"),
    "CONCATENATION": _concatenation,
    "CONV_2D": _dilation("Conv2DOptions"),
    "DEPTHWISE_CONV_2D": _dilation("DepthwiseConv2DOptions"),
    "FULLY_CONNECTED": _fully_connected,
    "MEAN": _reduction,
    "SUM": _reduction,
    "REDUCE_MAX": _reduction,
    "REDUCE_MIN": _reduction,
    "SOFTMAX": _softmax,
    "STRIDED_SLICE": _strided_slice,
}
"""Limits of operators, by operator: a function that returns why the compiler does not map it, or an empty text."""
