"""ONNX files in int8: which kernels of ONNX Runtime run them, and how far their numbers are from float32."""

from collections import Counter

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("keras")
onnx = pytest.importorskip("onnx")

from keras import layers  # noqa: E402

from export.one_layer import SIZE, around, behind_image, randomize, whole_network  # noqa: E402
from multibox.export.onnx_int8 import to_int8  # noqa: E402
from multibox.models.onnx_graph import to_onnx  # noqa: E402


def run(model, images, folder=None):
    """Outputs of a model, computed exactly on any processor, and the operators that ONNX Runtime makes of it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    options.add_session_config_entry("session.x64quantprecision", "1")
    if folder:
        options.optimized_model_filepath = f"{folder}/optimized.onnx"
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {"image": images}), strict=True))
    nodes = onnx.load(options.optimized_model_filepath).graph.node if folder else []
    return outputs, Counter(node.op_type for node in nodes)


@pytest.mark.parametrize("name", ["SSDLite on EfficientNet-Lite0", "on MobileNetV2"])
def test_all_between_the_pixels_and_the_heads_outputs_are_integers(name, tmp_path):
    network, images = whole_network(name)
    exact = to_onnx(network)
    quantized = to_int8(exact, images)
    used = {name for node in quantized.graph.node for name in node.input}
    assert {value.name for value in quantized.graph.initializer} <= used, "ONNX Runtime warns of others"
    given, kinds = run(quantized, images, tmp_path)
    kinds -= Counter(
        {"QuantizeLinear": 1, "DequantizeLinear": 1, "Pad": 1}
    )  # of a map too small for the last convolution
    assert set(kinds) == {"QLinearConv", "QLinearAdd", "MatMulIntegerToFloat", "Add", "Reshape", "Concat"}
    assert kinds["MatMulIntegerToFloat"] == kinds["Add"] == 12
    expected, _ = run(exact, images)
    for output, values in expected.items():
        assert np.abs(given[output] - values).mean() < 0.1 * values.std()


@pytest.mark.parametrize(
    ("mean", "scale", "is_whole"),
    [
        ((127, 127, 127), (1 / 128,) * 3, True),
        ((127.5, 127.5, 127.5), (0.01, 0.02, 0.03), True),
        ((0, 0, 0), (1 / 255,) * 3, True),
        ((123.68, 116.779, 103.939), (0.01,) * 3, False),
    ],
)
def test_the_padding_of_the_first_convolution_is_the_mean_colour(mean, scale, is_whole, tmp_path):
    offset = [-m * s for m, s in zip(mean, scale, strict=True)]
    model = behind_image(layers.Conv2D(8, 3, 2, padding="same", name="conv"))
    model.get_layer("normalize").scale, model.get_layer("normalize").offset = list(scale), offset
    randomize(model)
    images = np.random.default_rng(0).integers(0, 256, (16, 9, 12, 3), np.uint8)
    images[0] = np.round(mean)
    exact = to_onnx(model)
    given, kinds = run(to_int8(exact, images), images, tmp_path)
    expected, _ = run(exact, images)
    for output, values in expected.items():
        np.testing.assert_allclose(given[output], values, atol=0.03 * np.abs(values).max())
    assert (kinds["QuantizeLinear"] == 0) == is_whole


def test_a_head_larger_than_a_cell_stays_in_float(tmp_path):
    network, images = whole_network("SSD on VGG16")
    _, kinds = run(to_int8(to_onnx(network), images[:1]), images[:1], tmp_path)
    assert kinds["Conv"] == 12
    assert kinds["QLinearConv"] > 15


def test_openvino_gets_convolutions_of_integers_that_give_float():
    model = behind_image(layers.Conv2D(8, 3, 2, padding="same", name="conv"))
    randomize(model)
    images = np.random.default_rng(0).integers(0, 256, (4, *SIZE, 3), np.uint8)
    graph = to_int8(to_onnx(model), images, openvino=True).graph
    makers = {node.output[0]: node.op_type for node in graph.node}
    takers = {name: node.op_type for node in graph.node for name in node.input}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert {makers[name] for node in convolutions for name in node.input} == {"DequantizeLinear"}
    assert Counter(takers[node.output[0]] for node in convolutions) == {
        "QuantizeLinear": 1,
        "Transpose": len(graph.output),
    }


@pytest.mark.parametrize(("openvino", "largest"), [(False, 127), (True, 64)])
def test_weights_for_openvino_cannot_saturate(openvino, largest):
    network = around(layers.Conv2D(8, 3, name="middle"))
    randomize(network)
    images = np.random.default_rng(1).integers(0, 256, (4, *SIZE, 3)).astype(np.uint8)
    graph = to_int8(to_onnx(network), images, openvino=openvino).graph
    weights = [onnx.numpy_helper.to_array(value) for value in graph.initializer if len(value.dims) == 4]
    integers = [np.abs(value.astype(int)).max() for value in weights if value.dtype == np.int8]
    assert integers
    assert max(integers) == largest
