import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from multibox.config import Network, Priors
from multibox.models.file import load_model, save_model
from multibox.models.fpn import copying, enlarge, pyramid
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build
from networks import PAPER, PAPER_512, assert_maps_and_outputs


@pytest.mark.parametrize(
    ("trunk", "layout", "size", "priors"),
    [
        ("vgg16", "ssd300", (300, 300), PAPER),
        ("vgg16", "ssd300", (256, 320), PAPER),
        ("vgg16", "ssd512", (136, 264), PAPER_512),
        ("resnet50", "ssd300", (300, 300), PAPER),
        ("resnet50", "ssd512", (200, 312), PAPER_512),
        ("mobilenet_v2", "ssdlite", (320, 200), Priors()),
        ("mobilenet_v3_large", "ssdlite", (136, 200), Priors()),
        ("efficientnet_lite0", "ssdlite", (192, 345), Priors()),
    ],
)
def test_heads_and_outputs_keep_their_places(trunk, layout, size, priors):
    network = Network(trunk=trunk, layout=layout, size=size, neck="fpn", neck_channels=16)
    assert_maps_and_outputs(network, priors)


@pytest.mark.parametrize(
    ("coarse", "fine", "expected"),
    [
        (2, 4, [0, 0, 1, 1]),
        (3, 5, [0, 0, 1, 1, 2]),
        (1, 3, [0, 0, 0]),
        (1, 1, [0]),
        (1, 2, [0, 0]),
        (4, 4, [0, 1, 2, 3]),
        (3, 4, [0, 1, 1, 2]),
        (4, 6, [0, 1, 1, 2, 3, 3]),
        (6, 8, [0, 1, 1, 2, 3, 4, 4, 5]),
    ],
)
def test_an_axis_is_enlarged_as_worked_out_by_hand(coarse, fine, expected):
    image = keras.Input((coarse, 2, 1))
    model = keras.Model(image, enlarge(image, (fine, 2), "x"))
    x = np.repeat(np.arange(coarse, dtype="float32"), 2).reshape(1, coarse, 2, 1)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(x))[0, :, :, 0].T, [expected] * 2)


@given(st.integers(1, 70), st.integers(0, 70))
def test_each_cell_takes_the_nearest(coarse, more):
    """Or, where a stride of 2 can have made the coarse one, the cell that looked at it."""
    fine = coarse + more
    times, start, stride = copying(coarse, fine)
    taken = (start + np.arange(fine) * stride) // times
    if coarse > 1 and fine in (2 * coarse - 1, 2 * coarse):
        np.testing.assert_array_equal(taken, np.arange(fine) // 2)
    else:
        np.testing.assert_array_equal(taken, (2 * np.arange(fine) + 1) * coarse // (2 * fine))


def test_the_axes_are_enlarged_each_in_its_own_way():
    x = np.random.default_rng(0).normal(size=(2, 4, 10, 3)).astype("float32")
    image = keras.Input((4, 10, 3))
    model = keras.Model(image, enlarge(image, (6, 19), "x"))
    expected = x[:, [0, 1, 1, 2, 3, 3]][:, :, np.arange(19) // 2]
    np.testing.assert_array_equal(ops.convert_to_numpy(model(x)), expected)


@pytest.mark.parametrize("light", [False, True])
def test_a_map_sees_all_coarser_ones_and_no_finer_one(light):
    sizes = {"a": (19, 13), "b": (10, 7), "c": (8, 5), "d": (1, 1)}
    inputs = {name: keras.Input((*size, 8), name=name) for name, size in sizes.items()}
    model = keras.Model(inputs, pyramid(inputs, 16, light=light))
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(1, *size, 8)).astype("float32") for name, size in sizes.items()}
    before = {name: ops.convert_to_numpy(value) for name, value in model(x).items()}
    assert {name: value.shape[1:] for name, value in before.items()} == {n: (*s, 16) for n, s in sizes.items()}
    for changed in sizes:
        after = model(x | {changed: x[changed] + rng.normal(size=x[changed].shape).astype("float32")})
        moved = {name: bool((ops.convert_to_numpy(after[name]) != before[name]).any(axis=-1).all()) for name in sizes}
        same = {name: bool((ops.convert_to_numpy(after[name]) == before[name]).all()) for name in sizes}
        for name in sizes:
            assert same[name] if name > changed else moved[name], f"{name} when {changed} changes"


def test_the_finest_head_teaches_every_lateral_layer():
    """The gradient of the finest map's outputs reaches the lateral layer of every map."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("takes the gradient with TensorFlow")
    import tensorflow as tf

    network = Network(size=(128, 160), neck="fpn", neck_channels=16)
    model = build(network, 2, Priors())
    finest = feature_maps(network)[0].name
    part = keras.Model(model.input, model.get_layer(f"{finest}_head_boxes").output)
    kernels = [model.get_layer(f"fpn_{fmap.name}_lateral_conv").kernel.value for fmap in feature_maps(network)]
    image = np.random.default_rng(0).integers(0, 256, (2, 128, 160, 3), np.uint8)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.square(part(image, training=True)))
    assert all(float(tf.reduce_max(tf.abs(gradient))) > 0 for gradient in tape.gradient(total, kernels))


@pytest.fixture(scope="module")
def pyramid_model():
    keras.utils.set_random_seed(0)
    network = Network(size=(160, 768), neck="fpn", neck_channels=16)  # its last maps have 6 and 4 columns
    schema = Schema(
        network=network, maps=feature_maps(network), classes=("a", "b"), priors=Priors(), activation="sigmoid"
    )
    return build(network, 2, Priors(), "sigmoid"), schema


def test_it_comes_back_from_its_file(pyramid_model, tmp_path):
    model, schema = pyramid_model
    save_model(model, schema, tmp_path / "model.keras")
    again, read = load_model(tmp_path / "model.keras")
    assert read == schema
    image = np.random.default_rng(0).integers(0, 256, (1, 160, 768, 3), np.uint8)
    np.testing.assert_array_equal(again(image)["boxes"], model(image)["boxes"])
    np.testing.assert_array_equal(again(image)["classes"], model(image)["classes"])


@pytest.mark.slow
def test_it_is_the_same_as_onnx(pyramid_model, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the export needs Keras on TensorFlow")
    from multibox.export import write_onnx
    from multibox.runtimes import OnnxRuntime

    write_onnx(*pyramid_model, tmp_path / "model.onnx")  # compares the numbers
    assert OnnxRuntime(tmp_path / "model.onnx").schema.activation == "sigmoid"
