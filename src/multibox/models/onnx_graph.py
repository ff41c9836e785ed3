"""Converts a Keras network to an ONNX graph, layer by layer, on any backend of Keras.

The networks consist of a few kinds of built-in layers, so each kind is one function. Feature maps are ``(B, C, H, W)``
in the graph, as usual in ONNX, and are transposed back where a head's output becomes a list of priors. A batch
normalisation after a convolution is folded into it, and so is the scale of the pixels before one.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from multibox.models.layer_calls import Shape, layer_calls, pads
from multibox.models.schema import MEMBER, PARAMETERS, Schema

OPSET = 17
"""Version of ONNX's operators. ONNX Runtime 1.12, OpenVINO 2022.3 and MNN 2.0 and later versions support it."""


class OnnxGraph:
    """An ONNX graph under construction.

    Attributes:
        nodes: Operators, each after the operators whose outputs it takes.
        constants: Weights and other constants.
        shared: Names of outputs that several layers take.
        unscaled: Factors for each channel that an output still has to be multiplied by, by the output's name.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.shared: set[str] = set()
        self.unscaled: dict[str, np.ndarray] = {}

    def constant(self, values: Any, name: str) -> str:
        """Add a constant.

        Args:
            values: Array of the values, with the data type that the graph is to have.
            name: Name of the constant, unique in the graph.

        Returns:
            ``name``, the name of the constant.
        """
        import onnx

        self.constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add an operator.

        Args:
            kind: Type of the operator, such as ``Conv``.
            inputs: Names of the outputs and constants that the operator takes.
            name: Name of the operator and of its output, unique in the graph.
            attributes: Attributes of the operator.

        Returns:
            ``name``, the name of the operator's output.
        """
        import onnx

        self.nodes.append(onnx.helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name


def to_onnx(network: Any) -> Any:
    """Convert a network to an ONNX model in float32.

    Args:
        network: Functional Keras model, as :func:`multibox.models.ssd.build` returns it.

    Returns:
        An ``onnx.ModelProto``. Its input is ``image``, ``(batch, H, W, 3)`` uint8. Its outputs are ``boxes``,
        ``(batch, P, 4)``, and ``classes``, ``(batch, P, C + 1)``, both float32.

    Raises:
        NotImplementedError: The network has a layer whose type is not in :data:`LAYERS`.
    """
    import onnx

    graph = OnnxGraph()
    called = {id(network.inputs[0]): "image"}
    calls = layer_calls(network)
    uses = Counter(id(tensor) for _, inputs, _ in calls for tensor in inputs)
    for layer, inputs, output in calls:
        name = _convert(graph, layer, [called[id(tensor)] for tensor in inputs], inputs)
        called[id(output)] = name
        if uses[id(output)] > 1:
            graph.shared.add(name)
    outputs = {name: called[id(tensor)] for name, tensor in sorted(network.output.items())}
    for node in graph.nodes:
        node.output[0] = next((name for name, inner in outputs.items() if inner == node.output[0]), node.output[0])
    float32, uint8 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8
    image = onnx.helper.make_tensor_value_info("image", uint8, ["batch", *network.inputs[0].shape[1:]])
    values = [
        onnx.helper.make_tensor_value_info(name, float32, ["batch", *network.output[name].shape[1:]])
        for name in outputs
    ]
    body = onnx.helper.make_graph(graph.nodes, network.name, [image], values, graph.constants)
    model = onnx.helper.make_model(body, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def label(model: Any, schema: Schema, parameters: int) -> None:
    """Write a schema and the number of parameters into the metadata of an ONNX model."""
    import onnx

    onnx.helper.set_model_props(model, {MEMBER: schema.to_json(), PARAMETERS: str(parameters)})
    model.producer_name, model.producer_version = "multibox", schema.version


def _convert(graph: OnnxGraph, layer: Any, names: list[str], inputs: list[Any]) -> str:
    kind = type(layer).__name__
    if kind not in LAYERS:
        raise NotImplementedError(f"{layer.name}: layers of the type {kind} cannot be converted to ONNX")
    if kind not in SCALING:
        names = [_scaled(graph, name) for name in names]
    return LAYERS[kind](graph, layer, names, inputs[0].shape)


Convert = Callable[[OnnxGraph, Any, list[str], Shape], str]
"""A function that adds a layer to a graph. It takes the graph, the layer, the names of its inputs in the graph, and the
shape ``(None, H, W, C)`` of the first input in Keras. It returns the name of the output in the graph."""


def _rescaling(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    """The image less its mean colour. The scale is left to the next layer, whose padding of 0 is the mean colour."""
    import onnx

    x = graph.add("Cast", names, f"{layer.name}/float", to=onnx.TensorProto.FLOAT)  # first, as TensorRT needs it
    x = graph.add("Transpose", [x], f"{layer.name}/channels_first", perm=[0, 3, 1, 2])
    scale, offset = (np.broadcast_to(np.asarray(values, np.float64), 3) for values in (layer.scale, layer.offset))
    if offset.any():
        values = (offset / scale).astype(np.float32).reshape(1, -1, 1, 1)
        x = graph.add("Add", [x, graph.constant(values, f"{layer.name}/offset")], layer.name)
    if (scale != 1).any():
        graph.unscaled[x] = scale
    return x


def _scaled(graph: OnnxGraph, name: str) -> str:
    """Multiply an output by its factors, if it has any, for layers that have no weights to take them."""
    if name not in graph.unscaled:
        return name
    scaled = f"{name}/scaled"
    if all(node.name != scaled for node in graph.nodes):
        factors = graph.unscaled[name].astype(np.float32).reshape(1, -1, 1, 1)
        graph.add("Mul", [name, graph.constant(factors, f"{name}/scale")], scaled)
    return scaled


def _conv(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    depthwise = type(layer).__name__ == "DepthwiseConv2D"
    kernel = _numpy(layer.kernel)  # (h, w, in, out), or (h, w, in, multiplier)
    if depthwise:
        height, width, channels, multiplier = kernel.shape
        kernel, groups = kernel.reshape(height, width, 1, channels * multiplier), channels
    else:
        groups = layer.groups
    if groups == 1 and names[0] in graph.unscaled:
        kernel = (kernel * graph.unscaled[names[0]].reshape(-1, 1)).astype(np.float32)
    else:
        names = [_scaled(graph, name) for name in names]
    margins = pads(layer.padding, shape, layer.kernel_size, layer.strides, layer.dilation_rate)
    if layer.dilation_rate == (1, 1):
        kernel, margins = _without_idle_taps(kernel, margins, shape, layer.strides)
    weights = [graph.constant(kernel.transpose(3, 2, 0, 1), f"{layer.name}/kernel")]
    if layer.use_bias:
        weights.append(graph.constant(_numpy(layer.bias), f"{layer.name}/bias"))
    window = {
        "kernel_shape": list(kernel.shape[:2]),
        "strides": list(layer.strides),
        "dilations": list(layer.dilation_rate),
        "pads": margins,
    }
    x = graph.add("Conv", [*names, *weights], f"{layer.name}/conv", group=groups, **window)
    return _activate(graph, x, layer.activation.__name__, layer.name)


def _without_idle_taps(
    kernel: np.ndarray, margins: list[int], shape: Shape, strides: tuple[int, ...]
) -> tuple[np.ndarray, list[int]]:
    """Leave out rows and columns of a kernel that only ever meet padding, and this padding.

    On maps of a single row or column OpenCV 4 computes depthwise convolutions wrongly that have padding.
    """
    margins = list(margins)
    for axis, (length, stride) in enumerate(zip(shape[1:3], strides, strict=True)):
        assert length is not None
        side, (before, after) = kernel.shape[axis], margins[axis::2]
        starts = np.arange(-before, length + after - side + 1, stride)
        cells = starts[:, None] + np.arange(side)
        live = np.flatnonzero(((cells >= 0) & (cells < length)).any(axis=0))
        kernel = kernel.take(range(live[0], live[-1] + 1), axis)
        margins[axis::2] = [int(before - live[0]), int(after - (side - 1 - live[-1]))]
    return kernel, margins


def _batch_norm(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    """Scale and shift of each channel. Behind a convolution they become a part of its weights."""
    gamma = _numpy(layer.gamma).astype(np.float64) if layer.scale else np.ones(shape[-1] or 0)
    beta = _numpy(layer.beta).astype(np.float64) if layer.center else np.zeros(shape[-1] or 0)
    mean, variance = (_numpy(value).astype(np.float64) for value in (layer.moving_mean, layer.moving_variance))
    factor = gamma / np.sqrt(variance + layer.epsilon)
    shift = beta - mean * factor
    node = next((node for node in graph.nodes if node.output[0] == names[0]), None)
    if node is not None and node.op_type == "Conv" and names[0] not in graph.shared:
        _fold(graph, node, factor, shift)
        return names[0]
    scale = graph.constant(factor.astype(np.float32).reshape(1, -1, 1, 1), f"{layer.name}/scale")
    offset = graph.constant(shift.astype(np.float32).reshape(1, -1, 1, 1), f"{layer.name}/offset")
    x = graph.add("Mul", [names[0], scale], f"{layer.name}/scaled")
    return graph.add("Add", [x, offset], layer.name)


def _fold(graph: OnnxGraph, conv: Any, factor: np.ndarray, shift: np.ndarray) -> None:
    import onnx

    values = {constant.name: constant for constant in graph.constants if constant.name in conv.input[1:]}
    kernel, *bias = (onnx.numpy_helper.to_array(values[name]).astype(np.float64) for name in conv.input[1:])
    folded = (kernel * factor.reshape(-1, 1, 1, 1)).astype(np.float32)
    values[conv.input[1]].CopyFrom(onnx.numpy_helper.from_array(folded, conv.input[1]))
    moved = ((bias[0] * factor if bias else 0) + shift).astype(np.float32)
    if bias:
        values[conv.input[2]].CopyFrom(onnx.numpy_helper.from_array(moved, conv.input[2]))
    else:
        conv.input.append(graph.constant(moved, f"{conv.input[1].removesuffix('/kernel')}/bias"))


def _relu(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    if layer.negative_slope or layer.threshold:
        raise NotImplementedError(f"{layer.name}: a ReLU with a slope or a threshold cannot be converted to ONNX")
    kind = "relu" if layer.max_value is None else "relu6" if layer.max_value == 6 else f"relu up to {layer.max_value}"
    return _activate(graph, names[0], kind, layer.name)


def _activation(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    return _activate(graph, names[0], layer.activation.__name__, layer.name)


def _activate(graph: OnnxGraph, x: str, kind: str, name: str) -> str:
    if kind == "linear":
        return x
    if kind == "relu6":
        low, high = (graph.constant(np.float32(value), f"{name}/{value}") for value in (0, 6))
        return graph.add("Clip", [x, low, high], f"{name}/relu6")
    if kind in ("silu", "swish"):
        return graph.add("Mul", [x, graph.add("Sigmoid", [x], f"{name}/sigmoid")], f"{name}/silu")
    if kind == "hard_sigmoid":
        return graph.add("HardSigmoid", [x], f"{name}/hard_sigmoid", alpha=1 / 6, beta=0.5)
    simple = {"relu": "Relu", "sigmoid": "Sigmoid", "hard_silu": "HardSwish", "hard_swish": "HardSwish"}
    if kind not in simple:
        raise NotImplementedError(f"{name}: the activation {kind} cannot be converted to ONNX")
    return graph.add(simple[kind], [x], f"{name}/{kind}")


def _leaky_relu(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    return graph.add("LeakyRelu", names, layer.name, alpha=float(layer.negative_slope))


def _prelu(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    if layer.alpha.shape[:2] != (1, 1):
        raise NotImplementedError(
            f"{layer.name}: a PReLU whose slopes differ between cells cannot be converted to ONNX"
        )
    slope = graph.constant(_numpy(layer.alpha).reshape(-1, 1, 1), f"{layer.name}/slope")
    return graph.add("PRelu", [*names, slope], layer.name)


def _global_pool(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    if not layer.keepdims:
        raise NotImplementedError(
            f"{layer.name}: a global pooling layer that drops its axes cannot be converted to ONNX"
        )
    kind = "GlobalMaxPool" if "Max" in type(layer).__name__ else "GlobalAveragePool"
    return graph.add(kind, names, layer.name)


def _pool(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    """A pool. Cells of the padding count in neither kind."""
    margins = pads(layer.padding, shape, layer.pool_size, layer.strides)
    kind = "MaxPool" if "Max" in type(layer).__name__ else "AveragePool"
    window = {"kernel_shape": list(layer.pool_size), "strides": list(layer.strides), "pads": margins}
    return graph.add(kind, names, layer.name, **window)


def _zero_pad(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    (top, bottom), (left, right) = layer.padding
    pads = graph.constant(np.array([0, 0, top, left, 0, 0, bottom, right], np.int64), f"{layer.name}/pads")
    x = graph.add("Pad", [*names, pads], layer.name)
    if names[0] in graph.unscaled:
        graph.unscaled[x] = graph.unscaled[names[0]]
    return x


def _crop(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    (top, bottom), (left, right) = layer.cropping
    height, width = shape[1] or 0, shape[2] or 0
    ends = np.array([height - bottom, width - right], np.int64)
    values = (("starts", np.array([top, left], np.int64)), ("ends", ends), ("axes", np.array([2, 3], np.int64)))
    return graph.add("Slice", [*names, *(graph.constant(v, f"{layer.name}/{k}") for k, v in values)], layer.name)


def _enlarge(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    if layer.interpolation != "nearest":
        raise NotImplementedError(f"{layer.name}: the interpolation {layer.interpolation} cannot be converted to ONNX")
    scales = graph.constant(np.array([1, 1, *layer.size], np.float32), f"{layer.name}/scales")
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.add("Resize", [names[0], "", scales], layer.name, **how)


def _rms_norm(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    square = graph.add("Mul", [names[0], names[0]], f"{layer.name}/square")
    mean = graph.add("ReduceMean", [square], f"{layer.name}/mean", axes=[1], keepdims=1)
    epsilon = graph.constant(np.float32(layer.epsilon), f"{layer.name}/epsilon")
    root = graph.add("Sqrt", [graph.add("Add", [mean, epsilon], f"{layer.name}/above_zero")], f"{layer.name}/root")
    unit = graph.add("Div", [names[0], root], f"{layer.name}/unit")
    scale = graph.constant(_numpy(layer.scale).reshape(1, -1, 1, 1), f"{layer.name}/scale")
    return graph.add("Mul", [unit, scale], layer.name)


def _reshape(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    """A head's map as a list of priors: row, column, and prior of the cell."""
    turned = graph.add("Transpose", names, f"{layer.name}/channels_last", perm=[0, 2, 3, 1])
    target = graph.constant(np.array([0, -1, layer.target_shape[-1]], np.int64), f"{layer.name}/shape")
    return graph.add("Reshape", [turned, target], layer.name)


def _concatenate(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    is_map = len(shape) == 4
    axis = layer.axis % len(shape)
    return graph.add("Concat", names, layer.name, axis={1: 2, 2: 3, 3: 1}[axis] if is_map else axis)


def _sum(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    return _of_two(graph, "Add", names, layer.name)


def _product(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    return _of_two(graph, "Mul", names, layer.name)


def _largest(graph: OnnxGraph, layer: Any, names: list[str], shape: Shape) -> str:
    return graph.add("Max", names, layer.name)


def _of_two(graph: OnnxGraph, kind: str, names: list[str], name: str) -> str:
    first, second, *more = names
    x = graph.add(kind, [first, second], name)
    return _of_two(graph, kind, [x, *more], f"{name}/next") if more else x


def _numpy(variable: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable), np.float32)


LAYERS: dict[str, Convert] = {
    "Rescaling": _rescaling,
    "Conv2D": _conv,
    "DepthwiseConv2D": _conv,
    "BatchNormalization": _batch_norm,
    "ReLU": _relu,
    "Activation": _activation,
    "LeakyReLU": _leaky_relu,
    "PReLU": _prelu,
    "GlobalAveragePooling2D": _global_pool,
    "GlobalMaxPooling2D": _global_pool,
    "AveragePooling2D": _pool,
    "MaxPooling2D": _pool,
    "ZeroPadding2D": _zero_pad,
    "Cropping2D": _crop,
    "UpSampling2D": _enlarge,
    "RMSNormalization": _rms_norm,
    "Reshape": _reshape,
    "Concatenate": _concatenate,
    "Add": _sum,
    "Multiply": _product,
    "Maximum": _largest,
}
"""Functions that add a layer to a graph, by the name of the layer's class in Keras."""

SCALING = ("Conv2D", "DepthwiseConv2D", "ZeroPadding2D")
"""Types of layers that accept an input whose scale is still to be applied."""
