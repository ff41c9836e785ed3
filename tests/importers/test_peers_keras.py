"""Files of Keras Applications in full, with their classifiers: half a gigabyte for VGG16."""

import keras
import numpy as np
import pytest

pytest.importorskip("torch")

from importers.outputs import images
from in_torch import activations_in_torch
from multibox.importers.import_model import import_model
from multibox.models.file import load_model

pytestmark = pytest.mark.slow


def outputs(model, layer, x):
    return keras.ops.convert_to_numpy(keras.Model(model.input, model.get_layer(layer).output)(x))


@pytest.mark.parametrize(
    ("application", "file", "theirs", "ours", "fresh"),
    [
        ("VGG16", "vgg16.weights.h5", "block5_conv3", "conv5_3", "conv6_1"),
        ("ResNet50", "resnet50.weights.h5", "conv4_block6_out", "conv4_block6_out", "res6a_0_conv"),
        ("ResNet50", "resnet50.h5", "conv4_block6_out", "conv4_block6_out", "res6a_0_conv"),
    ],
)
def test_a_trunk_of_keras_applications(tmp_path, application, file, theirs, ours, fresh):
    peer = getattr(keras.applications, application)(weights=None)
    rng = np.random.default_rng(3)
    for layer in peer.layers:
        weights = layer.get_weights()
        if weights and "conv" in layer.name:  # biases, shifts and statistics that are not what they start as
            layer.set_weights([weights[0], *(w + rng.uniform(0.01, 0.1, w.shape) for w in weights[1:])])
    (peer.save_weights if file.endswith(".weights.h5") else peer.save)(tmp_path / file)
    done = import_model(tmp_path / file, "keras", tmp_path / "model.keras", overrides=["network.size=[224,224]"])
    assert fresh in done.fresh
    assert done.schema.classes == ("object",)
    imported, _ = load_model(tmp_path / "model.keras")
    pixels = images((224, 224), 1)
    expected = outputs(peer, theirs, keras.applications.vgg16.preprocess_input(pixels.astype("f4")))
    assert expected.std() > 0.05
    for compute in (outputs, activations_in_torch):
        np.testing.assert_allclose(compute(imported, ours, pixels), expected, rtol=1e-3, atol=1e-3)
