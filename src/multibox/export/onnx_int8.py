"""Converts ONNX models to int8 with ONNX Runtime's own tools.

The graph is arranged so that everything between the pixels and the outputs of the heads has an integer kernel. In ONNX
Runtime, the pixels go into the first convolution as they are, because its zero point is the mean colour. Heads end in a
matrix product, which takes integers and gives float32. OpenVINO quantises the pixels after the mean colour is
subtracted, and its convolutions can give float32 themselves.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from multibox.export.onnx_float16 import quiet

QUANTIZED = ("Conv", "MatMul", "Add", "Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool")
"""Types of the operators that compute in integers: convolutions, and operators between two convolutions."""

Ranges = dict[str, tuple[float, float]]
"""The smallest and the largest value of feature maps, by the map's name in the graph."""


def to_int8(model: Any, images: np.ndarray, *, openvino: bool = False) -> Any:
    """Quantise a model statically, as pairs of ``QuantizeLinear`` and ``DequantizeLinear``.

    Weights are int8 with a scale for each channel. Feature maps are uint8 with one scale each, calibrated from the
    smallest and the largest value over all images. The last convolution of each head gives float32, because scores and
    boxes are computed directly from it. ONNX Runtime has no kernel for that if it is larger than 1x1, so there it stays
    in float.

    OpenVINO's kernels for x86 without VNNI add pairs of products in 16 bits, which saturates silently. Weights within 7
    bits, -64 to 64, cannot saturate. ONNX Runtime has exact kernels, which :class:`~multibox.runtimes.onnx.OnnxRuntime`
    asks for on such processors.

    Args:
        model: ONNX model in float32, which is not changed.
        images: ``(N, H, W, 3)`` uint8 RGB images, prepared as in detection.
        openvino: Whether the graph is for OpenVINO, with weights within 7 bits, and not for ONNX Runtime.

    Returns:
        A new, quantised ONNX model.
    """
    import onnx

    ranges = _measure(model, images)
    arranged = onnx.ModelProto()
    arranged.CopyFrom(model)
    graph = arranged.graph
    heads = _last_of_heads(graph)
    products = {} if openvino else dict(_as_products(graph, heads))
    pixels = _center_pixels(graph)
    constants = {value.name for value in graph.initializer}
    in_float = [node.name for node in graph.node if node.op_type == "Add" and constants & set(node.input)]
    ranges |= {name: ranges[source] for name, source in products.items()}
    kept = in_float if openvino else [*in_float, *heads]
    quantized = _quantize(arranged, ranges, pixels, kept, reduced=openvino)
    if openvino:
        _give_float(quantized.graph, heads)
    elif pixels:
        _take_pixels(quantized.graph, pixels[0])
    return quantized


def _quantize(model: Any, ranges: Ranges, pixels: tuple[str, int] | None, in_float: list[str], *, reduced: bool) -> Any:
    """Add the pairs, except to operators that stay in float. ``pixels`` are whole numbers, so their scale is 1."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorData, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    def limits(low: float, high: float) -> Any:
        return TensorData(lowest=np.float32(low), highest=np.float32(high))

    options: dict[str, Any] = {"OpTypesToExcludeOutputQuantization": ["MatMul"]}
    if pixels:
        name, zero = pixels
        scale = {"scale": np.array(1, np.float32), "zero_point": np.array(zero, np.uint8)}
        options["TensorQuantOverrides"] = {name: [{"quant_type": QuantType.QUInt8, **scale}]}
    with quiet():
        quantizer = QDQQuantizer(
            onnx.shape_inference.infer_shapes(model),
            per_channel=True,
            reduce_range=reduced,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=TensorsData(CalibrationMethod.MinMax, {name: limits(*ends) for name, ends in ranges.items()}),
            nodes_to_quantize=[],
            nodes_to_exclude=in_float,
            op_types_to_quantize=list(QUANTIZED),
            extra_options=options,
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
    return quantizer.model.model


def _measure(model: Any, images: np.ndarray) -> Ranges:
    """Measure the range of each feature map that is to be quantised, over all images."""
    import onnx
    import onnxruntime

    open_model = onnx.ModelProto()
    open_model.CopyFrom(model)
    graph = open_model.graph
    names = sorted(_maps(graph))
    del graph.output[:]
    graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    session = onnxruntime.InferenceSession(open_model.SerializeToString(), providers=["CPUExecutionProvider"])
    lows, highs = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    for image in images:
        maps = session.run(names, {"image": image[None]})
        lows = np.minimum(lows, [values.min() for values in maps])
        highs = np.maximum(highs, [values.max() for values in maps])
    return {name: (low, high) for name, low, high in zip(names, lows.tolist(), highs.tolist(), strict=True)}


def _maps(graph: Any) -> set[str]:
    """Names of what the quantised operators take and give, without constants and the image."""
    constants = {value.name for value in graph.initializer}
    nodes = [node for node in graph.node if node.op_type in QUANTIZED]
    names = {name for node in nodes for name in (*node.input, *node.output)}
    return names - constants - {"image", ""}


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


def _as_products(graph: Any, heads: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Turn heads that are 1x1 convolutions, and the ``Transpose`` behind each, into products of matrices.

    Yields:
        Name of the map that the product takes, and name of the same map with channels first.
    """
    import onnx

    values = {value.name: value for value in graph.initializer}
    for place, node in reversed(list(enumerate(graph.node))):
        takers = _takers(graph, node.output[0])
        if node.name not in heads or [taker.op_type for taker in takers] != ["Transpose"]:
            continue
        (behind,) = takers
        kernel = onnx.numpy_helper.to_array(values[node.input[1]])  # (out, in / groups, h, w)
        if kernel.shape[2:] != (1, 1) or len(node.input) < 3 or _group(node) != 1:
            continue
        source, weights, bias = node.input
        turned, product = f"{node.name}/channels_last", f"{node.name}/product"
        values[weights].CopyFrom(onnx.numpy_helper.from_array(kernel[:, :, 0, 0].T.copy(), weights))
        graph.node.remove(behind)
        graph.node.remove(node)
        new = (
            onnx.helper.make_node("Transpose", [source], [turned], turned, perm=[0, 2, 3, 1]),
            onnx.helper.make_node("MatMul", [turned, weights], [product], product),
            onnx.helper.make_node("Add", [product, bias], [behind.output[0]], f"{node.name}/biased"),
        )
        for step in reversed(new):
            graph.node.insert(place, step)
        yield turned, source


def _center_pixels(graph: Any) -> tuple[str, int] | None:
    """Let the first convolution take the pixels less a whole number, which will be its zero point.

    The mean colour may differ from that number by half a level. The bias takes the difference.

    Returns:
        Name of what the convolution takes, and the zero point. None if the channels have different means, or if
        something else takes the pixels.
    """
    import onnx

    values = {value.name: value for value in graph.initializer}
    steps: list[Any] = []
    takers, taken = _takers(graph, "image"), "image"
    while len(takers) == 1 and takers[0].op_type != "Conv":
        steps += takers
        taken = takers[0].output[0]
        takers = _takers(graph, taken)
    kinds = [step.op_type for step in steps]
    if kinds not in (["Cast", "Transpose"], ["Cast", "Transpose", "Add"]) or len(takers) != 1:
        return None
    conv, offset = takers[0], np.zeros(1)
    if len(steps) == 3:
        offset = onnx.numpy_helper.to_array(values[steps[-1].input[1]]).astype(np.float64)
    zero = round(-offset.mean())
    rest = offset.reshape(1, -1, 1, 1) + zero
    if not 0 <= zero <= 255 or abs(rest).max() > 0.5 or len(conv.input) < 3 or _group(conv) != 1:
        return None
    kernel, bias = (onnx.numpy_helper.to_array(values[name]).astype(np.float64) for name in conv.input[1:])
    moved = (bias + (kernel * rest).sum(axis=(1, 2, 3))).astype(np.float32)
    values[conv.input[2]].CopyFrom(onnx.numpy_helper.from_array(moved, conv.input[2]))
    return taken, zero


def _take_pixels(graph: Any, name: str) -> None:
    """Let the first convolution dequantise the pixels themselves, in place of what was made of them in float32."""
    makers = {node.output[0]: node for node in graph.node}
    quantize = next(node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == name)
    dropped = [quantize, makers[name]]
    while dropped[-1].op_type != "Cast":
        dropped.append(makers[dropped[-1].input[0]])
    turn = next(node for node in dropped if node.op_type == "Transpose")
    turn.input[0], turn.output[0] = "image", quantize.output[0]
    for node in dropped:
        if node is not turn:
            graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for constant in [value for value in graph.initializer if value.name not in used]:
        graph.initializer.remove(constant)


def _give_float(graph: Any, heads: Sequence[str]) -> None:
    """Remove the pairs behind convolutions, so that they give float32."""
    for conv in [node for node in graph.node if node.name in heads]:
        (quantize,) = _takers(graph, conv.output[0])
        (dequantize,) = _takers(graph, quantize.output[0])
        for taker in _takers(graph, dequantize.output[0]):
            taker.input[:] = [conv.output[0] if name == dequantize.output[0] else name for name in taker.input]
        graph.node.remove(quantize)
        graph.node.remove(dequantize)


def _takers(graph: Any, name: str) -> list[Any]:
    return [node for node in graph.node if name in node.input]


def _group(conv: Any) -> int:
    return next((int(attribute.i) for attribute in conv.attribute if attribute.name == "group"), 1)
