"""Every kind of layer as ONNX, against Keras: small networks of one layer, and the networks of all trunks."""

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("keras")
pytest.importorskip("onnx")

from keras import layers

from export.one_layer import (
    CASES,
    NETWORKS,
    ON_IMAGE,
    SIZE,
    around,
    outputs_of,
    randomize,
    small_network,
    whole_network,
)
from multibox.models.onnx_graph import LAYERS, to_onnx


def outputs_by_onnx(model, images):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(to_onnx(model).SerializeToString(), options, ["CPUExecutionProvider"])
    names = (value.name for value in session.get_outputs())
    return dict(zip(names, session.run(None, {"image": images}), strict=True))


@pytest.mark.parametrize("case", [*CASES, *ON_IMAGE])
def test_a_layer_computes_the_same_in_onnx(case):
    model, images = small_network(case)
    given = outputs_by_onnx(model, images)
    for name, values in outputs_of(model, images).items():
        assert np.abs(values).max() > 0.05
        np.testing.assert_allclose(given[name], values, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize(("case", "scaled"), [("the image's convolution", 0), ("the image's pool", 1)])
def test_a_convolution_takes_the_scale_of_the_pixels(case, scaled):
    model, _ = small_network(case)
    nodes = to_onnx(model).graph.node
    assert [node.op_type for node in nodes[:3]] == ["Cast", "Transpose", "Add"]
    assert sum(node.op_type == "Mul" for node in nodes) == scaled


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_a_kernel_larger_than_the_map_computes_the_same_without_what_only_meets_padding(size, kernel, stride):
    smaller = layers.Cropping2D(((SIZE[0] - size[0], 0), (0, SIZE[1] - size[1])), name="crop")
    model = around(
        smaller,
        layers.DepthwiseConv2D(kernel, stride, padding="same", name="deep"),
        layers.Conv2D(5, kernel, padding="same", name="wide"),
    )
    randomize(model)
    images = np.full((1, *SIZE, 3), 200, np.uint8)
    given = outputs_by_onnx(model, images)
    for name, values in outputs_of(model, images).items():
        np.testing.assert_allclose(given[name], values, atol=2e-5, rtol=1e-5)
    convolutions = {node.name: node for node in to_onnx(model).graph.node if node.op_type == "Conv"}
    attributes = {value.name: list(value.ints) for value in convolutions["deep/conv"].attribute}
    if stride == 1:
        assert attributes["kernel_shape"] == [min(kernel, 2 * length - 1) for length in size]


def test_every_kind_of_layer_is_among_the_cases():
    used = {type(layer).__name__ for middle in CASES.values() for layer in around(*middle).layers}
    assert set(LAYERS) <= used


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(3, name="odd"),
        layers.ReLU(negative_slope=0.1, name="odd"),
        layers.ReLU(1.0, name="odd"),
        layers.PReLU(name="odd"),
        layers.Activation("gelu", name="odd"),
        layers.UpSampling2D(2, interpolation="bilinear", name="odd"),
    ],
)
def test_a_layer_that_has_no_onnx_is_refused(layer):
    with pytest.raises(NotImplementedError, match="odd"):
        to_onnx(around(layer))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_the_same_in_onnx(name):
    model, images = whole_network(name)
    given = outputs_by_onnx(model, images)
    for key, values in outputs_of(model, images).items():
        np.testing.assert_allclose(given[key], values, atol=1e-5 * np.abs(values).max(), rtol=1e-4)
