"""ONNX files of half precision."""

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("keras")
onnx = pytest.importorskip("onnx")

from keras import layers  # noqa: E402

from export.one_layer import SIZE, around, outputs_of, randomize  # noqa: E402
from multibox.export.onnx_float16 import to_float16  # noqa: E402
from multibox.models.onnx_graph import to_onnx  # noqa: E402


@pytest.fixture
def network():
    """A network with L2 normalisation of activations that reach thousands, as in a trained VGG16."""
    model = around(layers.RMSNormalization(axis=-1, epsilon=1e-10, name="conv4_3_norm"))
    randomize(model)
    first = model.get_layer("first")
    first.kernel.assign(first.kernel * 2000)
    return model


def test_squares_that_float16_cannot_hold(network):
    images = np.random.default_rng(1).integers(0, 256, (2, *SIZE, 3)).astype(np.uint8)
    session = onnxruntime.InferenceSession(to_float16(to_onnx(network)).SerializeToString())
    names = [value.name for value in session.get_outputs()]
    given = dict(zip(names, session.run(names, {"image": images}), strict=True))
    for name, values in outputs_of(network, images).items():
        np.testing.assert_allclose(given[name], values, atol=0.005 * np.abs(values).max())


def test_what_stays_in_float32_is_not_rounded_on_the_way(network):
    graph = to_float16(to_onnx(network)).graph
    kinds = {node.output[0]: node.op_type for node in graph.node}
    casts = [node for node in graph.node if node.op_type == "Cast"]
    assert casts
    assert not [node.name for node in casts if kinds.get(node.input[0]) == "Cast"]
    assert any(value.data_type == onnx.TensorProto.FLOAT16 for value in graph.initializer)
