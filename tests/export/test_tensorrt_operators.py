"""The graphs stay within what TensorRT's parser of ONNX documents, which no machine without its GPU can try."""

import pytest

from multibox.export.onnx_file import make_onnx

onnx = pytest.importorskip("onnx")

SUPPORTED = {
    *("Add", "Cast", "Clip", "Concat", "Conv", "Div", "Exp", "Gather", "GatherND", "GlobalAveragePool", "Greater"),
    *(
        "HardSigmoid",
        "HardSwish",
        "Max",
        "MaxPool",
        "Min",
        "Mul",
        "NonMaxSuppression",
        "Pad",
        "ReduceMean",
        "ReduceSum",
    ),
    *("Relu", "Reshape", "Resize", "ScatterND", "Sigmoid", "Slice", "Softmax", "Split", "Sqrt", "Sub", "TopK"),
    *("Transpose", "Unsqueeze", "Where"),
}
"""Of docs/operators.md of onnx/onnx-tensorrt, for TensorRT 10, those that our graphs may have."""

MOST_K = 3840
"""TopK takes fewer."""


@pytest.mark.parametrize("nms", [False, True])
@pytest.mark.parametrize("original", ["ssdlite-efficientnet", "ssd300-vgg16"], indirect=True, scope="session")
def test_operators_types_and_constants_are_those_that_tensorrt_documents(original, nms):
    graph = make_onnx(original.network, original.schema, nms=nms).graph
    assert {node.op_type for node in graph.node} <= SUPPORTED
    constants = {value.name: onnx.numpy_helper.to_array(value) for value in graph.initializer}
    for node in graph.node:
        if "image" in node.input:
            assert node.op_type == "Cast", "uint8 is for inputs and outputs of a network alone"
        if node.op_type == "TopK":
            assert constants[node.input[1]] < MOST_K
        if node.op_type in ("Slice", "ReduceSum", "Pad", "Unsqueeze"):
            axes = {"Slice": 3, "ReduceSum": 1, "Pad": 3, "Unsqueeze": 1}[node.op_type]
            assert len(node.input) <= axes or node.input[axes] in constants
