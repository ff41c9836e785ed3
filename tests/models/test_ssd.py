import keras
import numpy as np
import pytest

from multibox.config import Network, Priors
from multibox.errors import BadInput
from multibox.models.maps import feature_maps
from multibox.models.ssd import build
from multibox.models.vgg16 import l2_normalize
from multibox.priors import make_priors

PAPER = Priors(sizes=(30, 60, 111, 162, 213, 264, 315), ratios=((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)))
PAPER_512 = Priors(
    sizes=(35, 76, 153, 230, 307, 384, 460, 537),
    at=512,
    ratios=((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,)),
)


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
        ("efficientnet_lite0", "ssdlite", (320, 320), Priors()),
        ("efficientnet_lite0", "ssdlite", (300, 300), Priors()),
        ("efficientnet_lite0", "ssdlite", (192, 345), Priors()),
    ],
)
def test_maps_and_outputs_are_as_worked_out_without_keras(trunk, layout, size, priors):
    network = Network(trunk=trunk, layout=layout, size=size)
    maps = feature_maps(network)
    model = build(network, classes=20, priors=priors)
    heads = {fmap.name: model.get_layer(f"{fmap.name}_head_boxes").output.shape[1:3] for fmap in maps}
    assert heads == {fmap.name: (fmap.height, fmap.width) for fmap in maps}
    count = len(make_priors(maps, priors, size))
    assert model.output["classes"].shape == (None, count, 21)
    assert model.output["boxes"].shape == (None, count, 4)


def test_ssd300_has_as_many_parameters_as_the_published_one():
    assert build(Network(trunk="vgg16", layout="ssd300", size=(300, 300)), 20, PAPER).count_params() == 26_285_486


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


def test_an_unknown_stage_is_refused_by_name():
    with pytest.raises(BadInput, match=r"network.freeze: efficientnet_lite0 has no stage conv4; it has stem, block1a"):
        build(Network(freeze="conv4"), 3, Priors())


def test_priors_that_do_not_fit_the_maps_are_refused():
    with pytest.raises(BadInput, match=r"priors.ratios: needs 6 lists, one a feature map, has 7"):
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
