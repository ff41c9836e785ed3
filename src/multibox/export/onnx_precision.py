"""Converts ONNX models to float16 and int8 with ONNX Runtime's own tools."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

QUANTIZED = ("Conv", "Add", "Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool")
"""Types of the operators that compute in integers: convolutions, and operators between two convolutions."""


def to_float16(model: Any) -> Any:
    """Convert weights and arithmetic of an ONNX model to float16. Its input and outputs keep their types.

    Args:
        model: ONNX model in float32, which is changed in place.

    Returns:
        The same model.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16

    norms = [node.name for node in model.graph.node if "_norm" in node.name]  # their squares would overflow
    with _quiet():
        converted = convert_float_to_float16(model, keep_io_types=True, node_block_list=norms)
    _remove_rounding(converted.graph)
    return converted


def _remove_rounding(graph: Any) -> None:
    """Let operators in float32 give their outputs to one another as they are. The converter rounds them to float16."""
    import onnx

    casts = {node.output[0]: (node.input[0], node.attribute[0].i) for node in graph.node if node.op_type == "Cast"}
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    rounded = {name: given for name, (given, to) in casts.items() if to == half}
    exact = {name: rounded[given] for name, (given, to) in casts.items() if to == single and given in rounded}
    for node in graph.node:
        node.input[:] = [exact.get(name, name) for name in node.input]
    used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    kept = [node for node in graph.node if node.op_type != "Cast" or node.output[0] in used]
    del graph.node[:]
    graph.node.extend(kept)


def to_int8(model: Any, images: np.ndarray, *, openvino: bool = False) -> Any:
    """Quantise a model statically, as pairs of ``QuantizeLinear`` and ``DequantizeLinear``.

    Weights are int8 with a scale for each channel. Feature maps are uint8 with one scale each, calibrated from the
    smallest and the largest value over all images. The last convolution of each head stays in float, because scores and
    boxes are computed directly from it.

    OpenVINO's kernels for x86 without VNNI add pairs of products in 16 bits, which saturates silently. Weights within 7
    bits, -64 to 64, cannot saturate. ONNX Runtime has exact kernels, which :class:`~multibox.runtimes.onnx.OnnxRuntime`
    asks for.

    Args:
        model: ONNX model in float32, which is not changed.
        images: ``(N, H, W, 3)`` uint8 RGB images, prepared as in detection.
        openvino: Whether OpenVINO will run the model: its weights are then within 7 bits.

    Returns:
        A new, quantised ONNX model.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, _quiet():
        plain, folded, quantized = (Path(folder) / f"{name}.onnx" for name in ("plain", "folded", "quantized"))
        onnx.save(model, plain)
        quant_pre_process(plain, folded, skip_symbolic_shape=True)
        quantize_static(
            folded,
            quantized,
            _Reader(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTIZED),
            nodes_to_exclude=_last_of_heads(onnx.load(folded).graph),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            reduce_range=openvino,
        )
        return onnx.load(quantized)


def _last_of_heads(graph: Any) -> list[str]:
    """Names of the convolutions that no other convolution follows on the way to an output."""
    makers = {name: node for node in graph.node for name in node.output}
    waiting = [output.name for output in graph.output]
    seen: set[str] = set()
    found = []
    while waiting:
        name = waiting.pop()
        node = makers.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        if node.op_type == "Conv":
            found.append(node.name)
        else:
            waiting.extend(node.input)
    return found


class _Reader:
    """Yields the images one by one, as ``onnxruntime.quantization.CalibrationDataReader`` does."""

    def __init__(self, images: np.ndarray):
        self._images: Iterator[np.ndarray] = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self._images, None)
        return None if image is None else {"image": image[None]}


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the log messages of ONNX Runtime's quantisation tools."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(level)
