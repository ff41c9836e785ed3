"""A network whose constant batch normalisation is folded computes the same, and so do its gradients."""

import keras
import numpy as np
import pytest
from keras import layers

from multibox.config import Network, Priors
from multibox.models.folded import FoldedConv, fold_constant_norms
from multibox.models.ssd import build


def scramble(model, seed=0):
    """Weights and statistics that differ everywhere; variances stay positive."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        layer.set_weights([(w + rng.uniform(0.01, 0.1, w.shape)).astype("f4") for w in layer.get_weights()])


def small_network():
    """Convolutions of several kinds, and where folding would be wrong."""
    image = keras.Input((16, 20, 3), dtype="uint8")
    x = layers.Rescaling(1 / 128, -1)(image)
    x = layers.Conv2D(6, 3, 2, padding="same", use_bias=False, name="plain")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization(name="plain_bn")(x))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="valid", use_bias=False, name="depthwise")(x)
    x = layers.BatchNormalization(epsilon=1e-2, scale=False, name="depthwise_bn")(x)
    x = layers.Conv2D(8, 3, dilation_rate=2, padding="same", groups=2, name="with_bias")(x)
    x = layers.BatchNormalization(center=False, name="with_bias_bn")(x)
    twice = layers.Conv2D(8, 1, name="taken_twice")(x)
    x = layers.Add()([twice, layers.BatchNormalization(name="twice_bn")(twice)])
    x = layers.Conv2D(8, 1, activation="relu", use_bias=False, name="activated")(x)
    x = layers.BatchNormalization(name="activated_bn")(x)
    x = layers.Conv2D(8, 1, use_bias=False, name="trained")(x)  # a bias would have a gradient of 0, which is noise
    x = layers.BatchNormalization(name="trained_bn")(x)
    model = keras.Model(image, {"classes": layers.Reshape((-1, 2))(x), "boxes": layers.Reshape((-1, 4))(x)})
    for layer in model.layers:
        layer.trainable = not layer.name.endswith("_bn") or layer.name == "trained_bn"
    scramble(model)
    return model


def folded_names(model):
    return [layer.conv.name for layer in model.layers if isinstance(layer, FoldedConv)]


def some_images(model):
    return np.random.default_rng(1).integers(0, 256, (2, *model.input_shape[1:]), np.uint8)


@pytest.mark.parametrize("training", [False, True])
def test_outputs_are_the_same(training):
    model = small_network()
    folded, images = fold_constant_norms(model), some_images(model)
    assert folded_names(folded) == ["plain", "depthwise", "with_bias"]
    ours, theirs = (each(images, training=training) for each in (folded, model))
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-4, atol=1e-5)


def test_gradients_are_the_same():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("asks TensorFlow for gradients")
    model = small_network()
    folded, images = fold_constant_norms(model), some_images(model)

    def gradients(network):
        with tf.GradientTape() as tape:
            loss = sum(tf.reduce_sum(tf.sin(output)) for output in network(images, training=True).values())
        return tape.gradient(loss, model.trainable_variables)

    for ours, theirs in zip(gradients(folded), gradients(model), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_the_same_variables_are_trained():
    model = small_network()
    folded = fold_constant_norms(model)
    assert {id(v) for v in folded.trainable_variables} == {id(v) for v in model.trainable_variables}
    model.get_layer("plain").kernel.assign(model.get_layer("plain").kernel * 2)
    images = some_images(model)
    np.testing.assert_allclose(folded(images)["boxes"], model(images)["boxes"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("batch_norm", "count"), [("frozen", 48), ("trained", 0)])
def test_the_trunk_of_the_default_network(batch_norm, count):
    model = build(Network(size=(128, 128), batch_norm=batch_norm), 2, Priors())
    folded = fold_constant_norms(model)
    assert len(folded_names(folded)) == count
    assert (folded is model) == (count == 0)
    scramble(model)
    images = some_images(model)
    for name, values in model(images).items():
        np.testing.assert_allclose(folded(images)[name], values, rtol=1e-3, atol=1e-3)
