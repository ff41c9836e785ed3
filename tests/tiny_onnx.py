"""A tiny network of SSD's shape in an ONNX file, made without Keras; what it says is meaningless but varied."""

from pathlib import Path

import numpy as np
import pytest

from colored import make_schema
from multibox.models.schema import MEMBER, Schema
from multibox.priors import priors_per_cell


def write_tiny_onnx(path: Path, schema: Schema | None = None, seed: int = 0) -> Path:
    """A convolution, and for each map a mean over its cells and a head; random weights."""
    onnx = pytest.importorskip("onnx")
    schema = schema or make_schema()
    rng = np.random.default_rng(seed)
    height, width = schema.network.size
    nodes, constants = [], []

    def add(kind, inputs, name=None, **attributes):
        name = name or f"{kind}_{len(nodes)}"
        nodes.append(onnx.helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(values):
        constants.append(onnx.numpy_helper.from_array(np.asarray(values), f"constant_{len(constants)}"))
        return constants[-1].name

    def convolve(x, channels, into, side):
        kernel = rng.normal(0, 3 / np.sqrt(channels * side**2), (into, channels, side, side)).astype(np.float32)
        return add("Conv", [x, constant(kernel)], pads=[side // 2] * 4)

    x = add("Cast", ["image"], to=onnx.TensorProto.FLOAT)
    x = add("Sub", [add("Mul", [x, constant(np.float32(1 / 128))]), constant(np.float32(1))])
    x = add("Relu", [convolve(add("Transpose", [x], perm=[0, 3, 1, 2]), 3, 16, 3)])
    parts = {"classes": [], "boxes": []}
    columns = {"classes": len(schema.classes) + 1, "boxes": 4}
    for fmap, priors in zip(schema.maps, priors_per_cell(schema.priors), strict=True):
        cell = [height // fmap.height, width // fmap.width]
        pooled = add("AveragePool", [x], kernel_shape=cell, strides=cell)
        for name, count in columns.items():
            head = add("Transpose", [convolve(pooled, 16, priors * count, 1)], perm=[0, 2, 3, 1])
            parts[name].append(add("Reshape", [head, constant(np.array([0, -1, count], np.int64))]))
    for name, heads in parts.items():
        add("Concat", heads, name, axis=1)

    def value(name, kind, shape):
        return onnx.helper.make_tensor_value_info(name, kind, ["batch", *shape])

    image = value("image", onnx.TensorProto.UINT8, (height, width, 3))
    count = len(schema.make_priors())
    outputs = [value(name, onnx.TensorProto.FLOAT, (count, columns[name])) for name in parts]
    graph = onnx.helper.make_graph(nodes, "tiny", [image], outputs, constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 15)], ir_version=8)
    onnx.helper.set_model_props(model, {MEMBER: schema.model_dump_json(), "more": "ä" * 200})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
