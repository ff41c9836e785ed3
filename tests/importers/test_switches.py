"""What the configuration knows so that peers' networks can be had."""

import keras
import numpy as np
import pytest

from multibox.config import Network, PeerSwitches, Priors
from multibox.models.maps import feature_maps
from multibox.models.ssd import build
from multibox.priors import FeatureMap, make_priors


def test_mean_and_scale_take_the_place_of_the_trunks():
    network = Network(size=(128, 128), mean=(10, 20, 30), scale=(1, 0.5, 2))
    normalize = build(network, 2, Priors()).get_layer("normalize")
    pixel = keras.ops.convert_to_numpy(normalize(np.full((1, 1, 1, 3), 50, "uint8")))
    np.testing.assert_allclose(pixel.ravel(), [40, 15, 40])


@pytest.mark.parametrize("size", [(300, 300), (200, 331)])
def test_the_resnet50_of_five_scripts_has_the_maps_of_ours(size):
    ratios = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
    peer = PeerSwitches(resnet50="five_scripts", downsample_padding="same")
    network = Network(trunk="resnet50", layout="ssd300", size=size, peer=peer)
    model = build(network, 20, Priors(sizes=(30, 60, 111, 162, 213, 264, 315), ratios=ratios))
    shapes = {fmap.name: model.get_layer(f"{fmap.name}_head_boxes").output.shape[1:3] for fmap in feature_maps(network)}
    assert shapes == {fmap.name: (fmap.height, fmap.width) for fmap in feature_maps(network)}
    assert model.get_layer("res6a_1_conv").strides == (2, 2)
    assert model.get_layer("res6a_2_conv").strides == (1, 1)


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        (False, [[-0.2, 0, 1.2, 1.4], [0.8, 0, 2.2, 1.4]]),
        (True, [[0, 0, 1, 1], [0.8, 0, 1, 1]]),
        ("sizes", [[0, 0.2, 1, 1.2], [1, 0.2, 2, 1.2]]),
        ("centers", [[0, 0.2, 1, 1.2], [0.5, 0.2, 1.5, 1.2]]),
    ],
)
def test_priors_are_cut_off_as_each_peer_does(clip, expected):
    """Squares of 1.4 images, centred at (0.5, 0.7) and (1.5, 0.7)."""
    fmap = FeatureMap("map", height=1, width=2, step_y=140, step_x=100)
    config = Priors(sizes=(140, 140), at=100, ratios=((),), clip=clip)
    priors = make_priors([fmap], config, (100, 100)).reshape(2, 2, 4)[:, 0]
    np.testing.assert_allclose(priors, expected, atol=1e-6)
