import pytest

from multibox.config import Network
from multibox.errors import BadInput
from multibox.models.maps import feature_maps

VGG300 = {"trunk": "vgg16", "layout": "ssd300", "size": (300, 300)}


def cells(**network):
    return [(fmap.height, fmap.width) for fmap in feature_maps(Network(**network))]


def test_ssd300_has_the_papers_maps():
    assert cells(**VGG300) == [(38, 38), (19, 19), (10, 10), (5, 5), (3, 3), (1, 1)]
    assert [fmap.step_y for fmap in feature_maps(Network(**VGG300))] == [8, 16, 32, 64, 100, 300]


def test_ssd512_has_the_papers_maps():
    maps = feature_maps(Network(trunk="vgg16", layout="ssd512", size=(512, 512)))
    assert [fmap.height for fmap in maps] == [64, 32, 16, 8, 4, 2, 1]
    assert [fmap.step_x for fmap in maps] == [8, 16, 32, 64, 128, 256, 512]


def test_the_light_layout_ends_in_one_cell():
    assert cells(trunk="efficientnet_lite0", size=(320, 320)) == [(40, 40), (20, 20), (10, 10), (5, 5), (3, 3), (1, 1)]


def test_a_map_of_two_cells_is_kept_where_a_valid_convolution_would_leave_none():
    assert cells(**{**VGG300, "size": (256, 320)}) == [(32, 40), (16, 20), (8, 10), (4, 5), (2, 3), (2, 1)]


def test_a_layout_of_another_trunk_is_refused_by_name():
    with pytest.raises(BadInput, match=r"network.layout: vgg16 has no layout ssdlite; its layouts are ssd300, ssd512"):
        feature_maps(Network(trunk="vgg16", layout="ssdlite"))
