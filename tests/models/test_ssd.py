import keras
import numpy as np
import pytest

from multibox.config import Network, PeerSwitches, Priors
from multibox.config_file import load_config
from multibox.errors import BadInput
from multibox.models.maps import feature_maps
from multibox.models.ssd import build, frozen_until, is_trunk
from multibox.models.vgg16 import l2_normalize
from networks import PAPER, PAPER_512, assert_maps_and_outputs


@pytest.mark.parametrize(
    ("trunk", "layout", "size", "priors"),
    [
        ("vgg16", "ssd300", (300, 300), PAPER),
        ("vgg16", "ssd300", (160, 248), PAPER),
        ("vgg16", "ssd512", (512, 512), PAPER_512),
        ("vgg16", "ssd512", (136, 264), PAPER_512),
        ("resnet50", "ssd300", (300, 300), PAPER),
        ("resnet50", "ssd512", (512, 512), PAPER_512),
        ("resnet50", "ssd512", (200, 312), PAPER_512),
        ("mobilenet_v2", "ssdlite", (300, 300), Priors()),
        ("mobilenet_v2", "ssdlite", (320, 200), Priors()),
        ("mobilenet_v3_large", "ssdlite", (320, 320), Priors()),
        ("mobilenet_v3_large", "ssdlite", (136, 200), Priors()),
        ("efficientnet_lite0", "ssdlite", (320, 320), Priors()),
        ("efficientnet_lite0_short", "ssdlite", (320, 320), Priors()),
        ("efficientnet_lite0_short", "ssdlite", (192, 345), Priors()),
        ("efficientnet_lite1", "ssdlite", (320, 320), Priors()),
        ("efficientnet_lite2", "ssdlite", (192, 345), Priors()),
        ("efficientnet_lite0", "ssdlite", (300, 300), Priors()),
        ("efficientnet_lite0", "ssdlite", (192, 345), Priors()),
    ],
)
def test_maps_and_outputs_are_as_worked_out_without_keras(trunk, layout, size, priors):
    assert_maps_and_outputs(Network(trunk=trunk, layout=layout, size=size), priors)


@pytest.mark.parametrize("style", ["torchvision", "qfgaohao", "lufficc"])
def test_maps_and_outputs_of_other_ssdlites(style):
    network = Network(trunk="mobilenet_v2", size=(300, 232), peer=PeerSwitches(ssdlite=style))
    assert_maps_and_outputs(network, Priors())


def test_ssd300_has_as_many_parameters_as_the_published_one():
    assert build(Network(trunk="vgg16", layout="ssd300", size=(300, 300)), 20, PAPER).count_params() == 26_285_486


def test_the_small_network_has_less_than_a_million_parameters():
    assert build(load_config("ssdlite-efficientnet-small").network, 20, Priors()).count_params() == 927_904


def numbers(layer):
    return sum(np.prod(weight.shape) for weight in layer.trainable_weights)


def test_mobilenet_v3_has_as_many_parameters_as_the_published_ones():
    """Those of the classifier, less its two last layers, and those that torchvision says of its detector."""
    network = Network(trunk="mobilenet_v3_large", weights="none", batch_norm="trained")
    model = build(network, 20, Priors())
    trunk = sum(numbers(layer) for layer in model.layers if is_trunk(layer, "mobilenet_v3_large"))
    assert trunk == 5_483_032 - (960 + 1) * 1280 - (1280 + 1) * 1000
    priors = Priors(ratios=((2, 3),) * 6)
    detector = build(network.model_copy(update={"peer": PeerSwitches(tail="reduced")}), 90, priors)
    assert numbers(detector) == 3_440_060


def test_outputs_are_in_the_order_of_the_priors():
    """Silence every head but one, give it a bias that tells its outputs apart, and find them where they belong."""
    network = Network(size=(128, 160))
    model = build(network, classes=2, priors=Priors())
    maps = feature_maps(network)
    for fmap in maps:
        kernel, bias = (np.zeros(w.shape) for w in model.get_layer(f"{fmap.name}_head_classes").weights)
        if fmap.name == "c4":
            bias = np.arange(len(bias))
        model.get_layer(f"{fmap.name}_head_classes").set_weights([kernel, bias])
    logits = keras.ops.convert_to_numpy(model(np.zeros((1, 128, 160, 3), np.uint8))["classes"])[0]
    first, after = maps[0].height * maps[0].width * 6, maps[1].height * maps[1].width * 6
    assert (logits[:first] == 0).all()
    np.testing.assert_array_equal(logits[first : first + 6], np.arange(18).reshape(6, 3))
    np.testing.assert_array_equal(logits[first + after - 6 : first + after], np.arange(18).reshape(6, 3))


def test_l2_normalization_starts_with_length_20_at_every_position():
    image = keras.Input((4, 5, 512))
    norm = keras.Model(image, l2_normalize(image))
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 512)).astype("float32")
    lengths = np.linalg.norm(keras.ops.convert_to_numpy(norm(x)), axis=-1)
    np.testing.assert_allclose(lengths, 20, rtol=1e-5)


def test_what_is_frozen_and_what_is_trained():
    model = build(Network(size=(128, 128), freeze="block2b", batch_norm="frozen"), 3, Priors())
    assert not model.get_layer("stem_conv").trainable
    assert not model.get_layer("block2b_project_conv").trainable
    assert model.get_layer("block3a_expand_conv").trainable
    assert not model.get_layer("block7a_dwbn").trainable
    assert model.get_layer("extra6_dwbn").trainable
    trained = build(Network(size=(128, 128), batch_norm="trained"), 3, Priors())
    assert trained.get_layer("block7a_dwbn").trainable


def test_a_stage_of_mobilenet_v3_is_frozen_with_its_squeeze():
    model = build(Network(trunk="mobilenet_v3_large", size=(128, 128), freeze="block12"), 3, Priors())
    assert not model.get_layer("block12_excite_conv").trainable
    assert model.get_layer("block13_squeeze_conv").trainable
    assert model.get_layer("c4_head_classes").trainable


@pytest.mark.parametrize(
    ("trunk", "layout", "last", "first"),
    [
        ("efficientnet_lite0", "ssdlite", "block3b_project_conv", "block4a_expand_conv"),
        ("efficientnet_lite2", "ssdlite", "block3c_project_conv", "block4a_expand_conv"),
        ("mobilenet_v2", "ssdlite", "block5_project_conv", "block6_expand_conv"),
        ("mobilenet_v3_large", "ssdlite", "block5_project_conv", "block6_expand_conv"),
        ("resnet50", "ssd300", "conv2_block3_3_conv", "conv3_block1_1_conv"),
        ("vgg16", "ssd300", "conv3_3", "conv4_1"),
    ],
)
def test_the_first_stages_are_frozen_unless_they_are_fresh(trunk, layout, last, first):
    network = Network(trunk=trunk, layout=layout, size=(128, 128), freeze="auto")
    model = build(network, 3, Priors())
    assert (model.get_layer(last).trainable, model.get_layer(first).trainable) == (False, True)
    fresh = network.model_copy(update={"weights": "none", "batch_norm": "trained"})
    assert frozen_until(fresh) == ""
    assert frozen_until(network.model_copy(update={"freeze": "stem"})) == "stem"


def test_an_unknown_stage_is_refused_by_name():
    with pytest.raises(
        BadInput, match=r"network.freeze: efficientnet_lite0 has no stage conv4; its stages are stem, block1a"
    ):
        build(Network(freeze="conv4"), 3, Priors())


def test_priors_that_do_not_fit_the_maps_are_refused():
    with pytest.raises(BadInput, match=r"priors.ratios: needs 6 lists, one for each feature map, but has 7"):
        build(Network(), 3, PAPER_512)


@pytest.mark.parametrize(("trunk", "layout"), [("efficientnet_lite0", "ssdlite"), ("resnet50", "ssd300")])
def test_with_sigmoid_every_class_starts_as_rare(trunk, layout):
    """RetinaNet, section 4.1: b = -log((1 - 0.01) / 0.01) = -4.595."""
    network = Network(trunk=trunk, layout=layout, size=(128, 128))
    model = build(network, 3, Priors(), "sigmoid")
    plain = build(network, 3, Priors())
    for fmap in feature_maps(network):
        bias = model.get_layer(f"{fmap.name}_head_classes").bias
        np.testing.assert_allclose(1 / (1 + np.exp(-keras.ops.convert_to_numpy(bias))), 0.01, rtol=1e-5)
        assert not keras.ops.convert_to_numpy(model.get_layer(f"{fmap.name}_head_boxes").bias).any()
        assert not keras.ops.convert_to_numpy(plain.get_layer(f"{fmap.name}_head_classes").bias).any()
