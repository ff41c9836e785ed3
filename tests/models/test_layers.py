import keras
import numpy as np
import onnxruntime
import pytest

from colored import make_schema
from multibox.config import Network, Priors
from multibox.export import write_onnx
from multibox.models.layers import activate, depthwise_bn, inverted_residual, round_to_8, squeeze_excite
from multibox.priors import FeatureMap


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("f4")


def test_hard_swish_is_the_papers():
    """MobileNetV3, section 5.2: x ReLU6(x + 3) / 6."""
    x = np.linspace(-5, 5, 41, dtype="f4")
    given = keras.ops.convert_to_numpy(activate(keras.ops.convert_to_tensor(x), "hard_silu", "x_"))
    np.testing.assert_allclose(given, x * np.clip(x + 3, 0, 6) / 6, atol=1e-6)


def test_squeeze_and_excite_weighs_channels():
    image = keras.Input((4, 6, 40))
    model = keras.Model(image, squeeze_excite(image, "x"))
    weights = [3 * numbers(*weight.shape) for weight in model.weights]
    assert [weight.shape for weight in weights] == [(1, 1, 40, 16), (16,), (1, 1, 16, 40), (40,)]
    model.set_weights(weights)
    x = numbers(2, 4, 6, 40)
    middle = np.maximum(x.mean(axis=(1, 2)) @ weights[0][0, 0] + weights[1], 0)
    share = np.clip((middle @ weights[2][0, 0] + weights[3] + 3) / 6, 0, 1)
    given = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(given, x * share[:, None, None], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("channels", "rounded"), [(4, 8), (12, 16), (18, 24), (10, 16), (168, 168), (2.3 * 80, 184)])
def test_channels_are_rounded_as_in_all_mobilenets(channels, rounded):
    assert round_to_8(channels) == rounded


@pytest.mark.parametrize(("pad", "first"), [("both", -2), ("same", -1)])
@pytest.mark.parametrize("side", [8, 7])
def test_where_a_strided_convolution_begins(pad, first, side):
    """A 5x5 of ones over ones counts the cells that it sees; on an odd map both ways of padding are the same."""
    image = keras.Input((side, side, 1))
    model = keras.Model(image, depthwise_bn(image, 5, "x", stride=2, pad=pad, act=""))
    model.get_layer("x_dwconv").set_weights([np.ones((5, 5, 1, 1))])
    seen = keras.ops.convert_to_numpy(model(np.ones((1, side, side, 1))))[0, 0, 0, 0] * np.sqrt(1.001)
    first = -2 if side % 2 else first
    np.testing.assert_allclose(seen, (5 + first) ** 2, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the export needs Keras on TensorFlow")
def test_a_block_of_mobilenet_v3_can_be_written_as_onnx(tmp_path):
    image = keras.Input((128, 160, 3), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 128, -1.0)(image)
    x = keras.layers.Conv2D(8, 3, 16, padding="same")(x)
    x, _ = inverted_residual(x, 8, 5, 2, 3, "block", pad="both", act="hard_silu", squeeze=True)
    outputs = {name: keras.layers.Reshape((-1, 4), name=name)(x) for name in ("classes", "boxes")}
    maps, priors = (FeatureMap("a", 4, 5, 32, 32),), Priors(sizes=(40, 80), ratios=((),))  # two priors a cell
    network = keras.Model(image, outputs)
    for weight in network.weights:
        weight.assign(numbers(*weight.shape) ** 2 if "variance" in weight.name else numbers(*weight.shape))
    schema = make_schema(network=Network(size=(128, 160)), maps=maps, priors=priors)
    write_onnx(network, schema, tmp_path / "model.onnx")
    images = np.random.default_rng(1).integers(0, 256, (1, 128, 160, 3), np.uint8)
    (classes,) = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(["classes"], {"image": images})
    expected = keras.ops.convert_to_numpy(network(images)["classes"])
    assert expected.std() > 0.1
    np.testing.assert_allclose(classes, expected, rtol=1e-3, atol=1e-3)
