"""Networks in PyTorch's own functions, against Keras: small ones of one layer, and those of all trunks."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from keras import layers, ops  # noqa: E402

from export.one_layer import CASES, NETWORKS, around, outputs_of, randomize, small_network, whole_network  # noqa: E402
from in_torch import outputs_in_torch, values_of  # noqa: E402
from multibox.models.backend import computing_in  # noqa: E402
from multibox.models.torch_network import LAYERS, TorchNetwork  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("case", CASES)
def test_a_layer_computes_the_same_in_torch(case):
    model, images = small_network(case)
    given = outputs_in_torch(model, images)
    for name, values in outputs_of(model, images).items():
        assert np.abs(values).max() > 0.05
        np.testing.assert_allclose(given[name], values, atol=2e-5, rtol=1e-5)


def test_every_kind_of_layer_is_among_the_cases():
    used = {type(layer).__name__ for middle in CASES.values() for layer in around(*middle).layers}
    assert set(LAYERS) <= used


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_the_same_in_torch(name):
    model, images = whole_network(name)
    given = outputs_in_torch(model, images)
    for key, values in outputs_of(model, images).items():
        np.testing.assert_allclose(given[key], values, atol=1e-5 * np.abs(values).max(), rtol=1e-4)


def test_a_single_value_a_channel_is_normalised():
    """By its own mean, to the offset: a map of one cell, of a batch of one image."""
    model = around(
        layers.GlobalAveragePooling2D(keepdims=True, name="mean"), layers.BatchNormalization(momentum=0.9, name="norm")
    )
    randomize(model)
    images = np.random.default_rng(1).integers(0, 256, (1, 9, 12, 3)).astype(np.uint8)
    values = values_of(model)
    given = outputs_in_torch(model, images, values, training=True)
    for name, value in model(images, training=True).items():
        np.testing.assert_allclose(given[name].numpy(), ops.convert_to_numpy(value), atol=2e-5, rtol=1e-4)
    for variable, value in zip(model.variables, values, strict=True):
        np.testing.assert_allclose(value.numpy(), ops.convert_to_numpy(variable), atol=1e-5, err_msg=variable.path)


@pytest.mark.parametrize("trained", [True, False])
def test_normalisation_uses_the_batch_only_where_it_is_trained(trained):
    model = around(layers.BatchNormalization(momentum=0.9, name="norm"))
    randomize(model)
    model.get_layer("norm").trainable = trained
    images = np.random.default_rng(1).integers(0, 256, (3, 9, 12, 3)).astype(np.uint8)
    values = values_of(model)
    given = outputs_in_torch(model, images, values, training=True)
    expected = model(images, training=True)
    for name, value in expected.items():
        np.testing.assert_allclose(given[name].numpy(), ops.convert_to_numpy(value), atol=2e-5, rtol=1e-4)
    for variable, value in zip(model.variables, values, strict=True):  # the moving statistics too
        np.testing.assert_allclose(value.numpy(), ops.convert_to_numpy(variable), atol=1e-6, err_msg=variable.path)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_each_layer_computes_in_its_precision(precision):
    with computing_in(precision):
        model = around(
            layers.Conv2D(8, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.RMSNormalization(dtype="float32", name="root"),
        )
    randomize(model)
    images = np.random.default_rng(1).integers(0, 256, (2, 9, 12, 3)).astype(np.uint8)
    given = outputs_in_torch(model, images)
    for name, value in outputs_of(model, images).items():
        assert given[name].dtype == getattr(torch, precision.removeprefix("mixed_"))
        exact = value.astype("f4")
        assert np.abs(given[name].float().numpy() - exact).max() < 0.05 * np.abs(exact).max()


def test_a_layer_of_another_kind_is_refused():
    with pytest.raises(NotImplementedError, match="odd"):
        TorchNetwork(around(layers.Dense(3, name="odd")))
