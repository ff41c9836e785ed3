"""Converts an ONNX network to ncnn's format: a text file that lists the layers, and a file of weights.

The networks that Multibox exports consist of a dozen kinds of ONNX operators, so each kind is one function. ncnn has no
batch axis, so a map ``(B, C, H, W)`` becomes ``(C, H, W)``. The image is planar in ncnn from the start.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

CONVERSION = 1
"""Version of the conversion. Networks that another version converted into the cache are converted again."""

MAGIC = 7767517
"""Magic number at the beginning of every ``.param`` file."""

HALF = 0x01306B47
"""Number that marks the following weights as float16. A 0 marks float32."""

Setting = int | float | list[int] | list[float]


class NcnnModel(NamedTuple):
    """A network in the format of ncnn.

    Attributes:
        param: Text that lists the layers, the content of the ``.param`` file.
        weights: Weights of the layers in the order of the text, the content of the ``.bin`` file.
    """

    param: str
    weights: bytes


@dataclass
class Layer:
    """A layer of an ncnn network.

    Attributes:
        kind: Type of the layer, such as ``Convolution``.
        inputs: Names of the blobs that the layer takes.
        outputs: Names of the blobs that the layer makes. The first is also the layer's name.
        settings: Settings by their number.
        weights: Weights of the layer, as bytes in ncnn's format.
    """

    kind: str
    inputs: list[str]
    outputs: list[str]
    settings: dict[int, Setting] = field(default_factory=dict)
    weights: bytes = b""

    def line(self) -> str:
        """The line of the ``.param`` file that describes the layer."""
        words = [self.kind, self.outputs[0], len(self.inputs), len(self.outputs), *self.inputs, *self.outputs]
        return " ".join([*map(str, words), *(_setting(*pair) for pair in sorted(self.settings.items()))])


def _setting(key: int, value: Setting) -> str:
    if isinstance(value, list):
        return ",".join([f"{-23300 - key}={len(value)}", *map(_number, value)])
    return f"{key}={_number(value)}"


def _number(value: float) -> str:
    return f"{value:.7e}" if isinstance(value, float) else str(value)


class NcnnGraph:
    """An ncnn network under construction.

    Args:
        constants: Weights and other constants by name.
        uses: Number of operators that take each output of the ONNX graph.
        half: Whether the weights of convolutions are stored in float16.

    Attributes:
        constants: Weights and other constants by name.
        layers: Layers, each after those whose blobs it takes.
        is_planar: Whether the operators so far have put the channels of the image first.
    """

    def __init__(self, constants: dict[str, np.ndarray], uses: Counter[str], *, half: bool):
        self.constants, self.half = constants, half
        self.layers: list[Layer] = []
        self.is_planar = False
        self._uses = uses
        self._blobs: dict[str, str] = {}

    def add(
        self,
        node: Any,
        kind: str,
        settings: dict[int, Setting],
        weights: bytes = b"",
        inputs: Sequence[str] | None = None,
    ) -> None:
        """Add the layer of an operator.

        Args:
            node: ONNX operator.
            kind: Type of the layer.
            settings: Settings by their number.
            weights: Weights of the layer, as bytes in ncnn's format.
            inputs: Names of the ONNX outputs that the layer takes. None takes the operator's first input alone.
        """
        blobs = [self._blobs.get(name, name) for name in (node.input[:1] if inputs is None else inputs)]
        self.layers.append(Layer(kind, blobs, [node.output[0]], dict(settings), weights))

    def pass_on(self, node: Any) -> None:
        """Skip an operator: its output becomes another name of its input."""
        self._blobs[node.output[0]] = self._blobs.get(node.input[0], node.input[0])

    def per_channel(self, channels: int) -> tuple[int, ...]:
        """Shape that ncnn needs for a constant with one number per channel."""
        return (1, channels, 1, 1) if self.is_planar else (channels,)

    def convolution_before(self, node: Any) -> Layer | None:
        """The convolution before an operator, if only this operator takes its output and it has no activation yet."""
        blob = self._blobs.get(node.input[0], node.input[0])
        makers = (layer for layer in self.layers if layer.outputs[0] == blob)
        maker = next((layer for layer in makers if layer.kind.startswith("Convolution")), None)
        return maker if maker and 9 not in maker.settings and self._uses[node.input[0]] == 1 else None

    def finish(self, outputs: Sequence[str]) -> NcnnModel:
        """Write the network.

        Args:
            outputs: Names of the ONNX graph's outputs, which become names of blobs.
        """
        named = {self._blobs.get(name, name): name for name in outputs}
        for layer in self.layers:
            layer.inputs = [named.get(name, name) for name in layer.inputs]
            layer.outputs = [named.get(name, name) for name in layer.outputs]
        layers = list(_split(self.layers))
        blobs = sum(len(layer.outputs) for layer in layers)
        lines = [str(MAGIC), f"{len(layers)} {blobs}", *(layer.line() for layer in layers)]
        return NcnnModel("\n".join(lines) + "\n", b"".join(layer.weights for layer in layers))


def _split(layers: Sequence[Layer]) -> Iterator[Layer]:
    """Yield the layers, with a ``Split`` behind each blob that several layers take, because ncnn allows only one."""
    uses = Counter(name for layer in layers for name in layer.inputs)
    copies = {name: [f"{name}/{i}" for i in range(count)] for name, count in uses.items() if count > 1}
    left = {name: iter(names) for name, names in copies.items()}
    for layer in layers:
        layer.inputs = [next(left[name]) if name in left else name for name in layer.inputs]
        yield layer
        for name in layer.outputs:
            if name in copies:
                yield Layer("Split", [name], copies[name])


def to_ncnn(model: Any, priors: np.ndarray, *, half: bool = False) -> NcnnModel:
    """Convert an ONNX model to the format of ncnn.

    Args:
        model: ``onnx.ModelProto`` as :func:`multibox.export.onnx_file.make_onnx` returns it without NMS, in float32.
        priors: ``(P, 4)`` float32 corners x0, y0, x1, y1 of the priors, relative to the input.
        half: Whether the weights of convolutions are stored in float16.

    Returns:
        The network. Its input is ``image``, planar RGB with values from 0 to 255. Its outputs are ``boxes``, ``(P,
        4)``, ``classes``, ``(P, C + 1)``, and ``priors``, ``(P, 4)``, which do not depend on the image.

    Raises:
        NotImplementedError: The model has an operator that is not in :data:`OPERATORS`, or one with attributes that
            ncnn does not support.
    """
    import onnx

    body = model.graph
    constants = {value.name: onnx.numpy_helper.to_array(value) for value in body.initializer}
    outputs = [output.name for output in body.output]
    graph = NcnnGraph(constants, Counter([name for node in body.node for name in node.input] + outputs), half=half)
    image = body.input[0]
    height, width, channels = (dim.dim_value for dim in image.type.tensor_type.shape.dim[1:])
    graph.layers.append(Layer("Input", [], [image.name], {0: width, 1: height, 2: channels}))
    norms = _norms(body.node)
    inner = {step.output[0] for steps in norms.values() for step in steps[1:]}
    for node in body.node:
        if node.output[0] in norms:
            _norm(graph, norms[node.output[0]])
        elif node.output[0] not in inner:
            if node.op_type not in OPERATORS:
                raise NotImplementedError(f"{node.name}: ncnn has no layer for ONNX's {node.op_type}")
            OPERATORS[node.op_type](graph, node)
    rows, columns = priors.shape
    graph.layers.append(Layer("MemoryData", [], ["priors"], {0: columns, 1: rows}, _raw(priors)))
    return graph.finish(outputs)


def _attributes(node: Any) -> dict[str, Any]:
    import onnx

    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


def _refuse(node: Any) -> NotImplementedError:
    return NotImplementedError(f"{node.name}: ncnn does not support ONNX's {node.op_type} with these attributes")


def _raw(values: np.ndarray) -> bytes:
    return values.astype("<f4").tobytes()


def _tagged(values: np.ndarray, half: bool) -> bytes:
    """Weights behind the number that says their precision, padded to whole words."""
    if not half:
        return b"\0\0\0\0" + _raw(values)
    content = values.astype("<f2").tobytes()
    return HALF.to_bytes(4, "little") + content + b"\0" * (-len(content) % 4)


def _window(node: Any, kernel: Sequence[int], numbers: dict[str, tuple[int, ...]]) -> dict[int, Setting]:
    """Settings of a sliding window: kernel, strides, padding and dilation, each of width and height."""
    given = _attributes(node)
    top, left, bottom, right = given.get("pads", [0, 0, 0, 0])
    rows, columns = given.get("strides", [1, 1])
    down, across = given.get("dilations", [1, 1])
    values = {
        "kernel": (kernel[1], kernel[0]),
        "strides": (columns, rows),
        "pads": (left, right, top, bottom),
        "dilations": (across, down),
    }
    return {key: value for name, keys in numbers.items() for key, value in zip(keys, values[name], strict=True)}


def _conv(graph: NcnnGraph, node: Any) -> None:
    kernel = graph.constants[node.input[1]]  # (out, in / groups, h, w)
    groups = _attributes(node).get("group", 1)
    bias = [graph.constants[name] for name in node.input[2:]]
    places = {"kernel": (1, 11), "dilations": (2, 12), "strides": (3, 13), "pads": (4, 15, 14, 16)}
    settings = _window(node, kernel.shape[2:], places) | {0: len(kernel), 5: len(bias), 6: kernel.size}
    weights = _tagged(kernel, graph.half) + b"".join(map(_raw, bias))
    if groups == 1:
        graph.add(node, "Convolution", settings, weights)
    else:
        graph.add(node, "ConvolutionDepthWise", settings | {7: groups}, weights)


def _pool(graph: NcnnGraph, node: Any) -> None:
    places = {"kernel": (1, 11), "strides": (2, 12), "pads": (3, 14, 13, 15)}
    window = _window(node, _attributes(node)["kernel_shape"], places)
    graph.add(node, "Pooling", window | {0: int(node.op_type == "AveragePool"), 5: 1})


def _global_pool(graph: NcnnGraph, node: Any) -> None:
    """The mean or maximum of each channel as a map of one cell: ncnn's own pool would drop the axes."""
    graph.add(node, "Reduction", {0: 3 if node.op_type == "GlobalAveragePool" else 4, 1: 0, 3: [1, 2], 4: 1, 5: 1})


def _activation(code: int | None, kind: str) -> Callable[[NcnnGraph, Any], None]:
    """An activation without bounds, which a convolution can have if it has a code."""

    def convert(graph: NcnnGraph, node: Any) -> None:
        _activate(graph, node, code, kind, [])

    return convert


def _leaky_relu(graph: NcnnGraph, node: Any) -> None:
    _activate(graph, node, 2, "ReLU", [float(_attributes(node)["alpha"])])


def _prelu(graph: NcnnGraph, node: Any) -> None:
    slopes = graph.constants[node.input[1]]
    graph.add(node, "PReLU", {0: slopes.size}, _raw(slopes))


def _clip(graph: NcnnGraph, node: Any) -> None:
    _activate(graph, node, 3, "Clip", [float(graph.constants[name].item()) for name in node.input[1:]])


def _hard_swish(graph: NcnnGraph, node: Any) -> None:
    _activate(graph, node, 6, "HardSwish", [1 / 6, 0.5])


def _hard_sigmoid(graph: NcnnGraph, node: Any) -> None:
    given = _attributes(node)
    _activate(graph, node, None, "HardSigmoid", [float(given.get("alpha", 0.2)), float(given.get("beta", 0.5))])


def _activate(graph: NcnnGraph, node: Any, code: int | None, kind: str, numbers: list[float]) -> None:
    before = graph.convolution_before(node) if code else None
    if before is None:
        graph.add(node, kind, dict(enumerate(numbers)))
        return
    before.settings |= {9: code or 0, 10: numbers} if numbers else {9: code or 0}
    graph.pass_on(node)


def _of_two(graph: NcnnGraph, node: Any) -> None:
    """Arithmetic of two maps, of a map and a number, or of a map and a number for each channel."""
    code = {"Add": 0, "Sub": 1, "Mul": 2, "Max": 4}[node.op_type]
    if not graph.constants.keys() & set(node.input):
        graph.add(node, "BinaryOp", {0: code}, inputs=node.input)
        return
    values = graph.constants.get(node.input[1])
    if values is not None and values.size == 1:
        graph.add(node, "BinaryOp", {0: code, 1: 1, 2: float(values.item())})
    elif values is not None and values.shape == graph.per_channel(values.size) and node.op_type in ("Add", "Mul"):
        graph.add(node, {"Add": "Bias", "Mul": "Scale"}[node.op_type], {0: values.size}, _raw(values))
    else:
        raise _refuse(node)


_NORM = ("Mul", "Div", "Sqrt", "Add", "ReduceMean", "Mul")
"""Operators of L2 normalisation in each cell, the last first: scale, unit, root, above zero, mean, square."""


def _norms(nodes: Sequence[Any]) -> dict[str, list[Any]]:
    """The operators of each L2 normalisation, the last first, by the name of its output."""
    makers = {node.output[0]: node for node in nodes}
    found = {}
    for node in nodes:
        steps = [node]
        while len(steps) < len(_NORM) and steps[-1].op_type == _NORM[len(steps) - 1]:
            before = makers.get(steps[-1].input[1 if steps[-1].op_type == "Div" else 0])
            if before is None:
                break
            steps.append(before)
        if tuple(step.op_type for step in steps) == _NORM and {*steps[-1].input} == {steps[1].input[0]}:
            found[node.output[0]] = steps
    return found


def _norm(graph: NcnnGraph, steps: Sequence[Any]) -> None:
    """L2 normalisation as one layer, which ncnn always computes in float32: squares would overflow in float16.

    ncnn takes the sum over the channels where ONNX has the mean.
    """
    last, unit, _, above_zero, *_ = steps
    scale, epsilon = graph.constants[last.input[1]], graph.constants[above_zero.input[1]].item()
    settings: dict[int, Setting] = {0: 0, 1: 0, 2: scale.size * epsilon, 3: scale.size, 4: 1}
    graph.add(last, "Normalize", settings, _raw(scale * scale.size**0.5), inputs=unit.input[:1])


def _pad(graph: NcnnGraph, node: Any) -> None:
    _, _, top, left, _, _, bottom, right = graph.constants[node.input[1]].tolist()
    graph.add(node, "Padding", {0: top, 1: bottom, 2: left, 3: right})


def _crop(graph: NcnnGraph, node: Any) -> None:
    starts, ends, axes = (graph.constants[name].tolist() for name in node.input[1:])
    graph.add(node, "Crop", {9: starts, 10: ends, 11: [axis - 1 for axis in axes]})


def _enlarge(graph: NcnnGraph, node: Any) -> None:
    down, across = graph.constants[node.input[2]].tolist()[2:]
    graph.add(node, "Interp", {0: 1, 1: down, 2: across})


def _transpose(graph: NcnnGraph, node: Any) -> None:
    axes = _attributes(node)["perm"]
    if axes == [0, 3, 1, 2] and not graph.is_planar:  # in ncnn the image is planar already
        graph.pass_on(node)
        graph.is_planar = True
    elif axes == [0, 2, 3, 1]:
        graph.add(node, "Permute", {0: 3})
    else:
        raise _refuse(node)


def _reshape(graph: NcnnGraph, node: Any) -> None:
    """Another shape, such as a head's map as a list of priors."""
    sides = graph.constants[node.input[1]].tolist()[:0:-1]
    graph.add(node, "Reshape", dict(enumerate(sides)))


def _concat(graph: NcnnGraph, node: Any) -> None:
    graph.add(node, "Concat", {0: _attributes(node)["axis"] - 1}, inputs=node.input)


OPERATORS: dict[str, Callable[[NcnnGraph, Any], None]] = {
    "Cast": NcnnGraph.pass_on,
    "Transpose": _transpose,
    "Conv": _conv,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "Relu": _activation(1, "ReLU"),
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Sigmoid": _activation(4, "Sigmoid"),
    "Clip": _clip,
    "HardSwish": _hard_swish,
    "HardSigmoid": _hard_sigmoid,
    "Add": _of_two,
    "Sub": _of_two,
    "Mul": _of_two,
    "Max": _of_two,
    "Pad": _pad,
    "Slice": _crop,
    "Resize": _enlarge,
    "Reshape": _reshape,
    "Concat": _concat,
}
"""Function that converts each type of ONNX operator to a layer."""
