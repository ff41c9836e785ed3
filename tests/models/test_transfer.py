"""What a network takes over from a trained one, and what begins anew."""

import numpy as np
import pytest

from multibox.config import Network, PeerSwitches, Priors
from multibox.errors import BadInput
from multibox.models.file import save_model
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build
from multibox.models.transfer import transfer

NETWORK = Network(trunk="mobilenet_v2", size=(128, 128), weights="none", batch_norm="trained")


def made(classes, network=NETWORK, priors=None, activation="softmax"):
    priors = priors or Priors()
    schema = Schema(network=network, maps=feature_maps(network), classes=classes, priors=priors, activation=activation)
    return build(network, len(classes), priors, activation), schema


@pytest.fixture(scope="module")
def donor(tmp_path_factory):
    network, schema = made(("person", "dog", "Cat"))
    for i, layer in enumerate(network.layers):
        rng = np.random.default_rng(i)
        layer.set_weights([rng.uniform(0.5, 1, weight.shape) for weight in layer.weights])
    path = tmp_path_factory.mktemp("donor") / "model.keras"
    save_model(network, schema, path)
    return network, path


def heads(network, kind, columns):
    """Kernel and bias of each map's head, with an axis for the priors and one for what is said of each."""
    layers = [layer for layer in network.layers if layer.name.endswith(f"_head_{kind}")]
    assert len(layers) == 6
    return [[array.reshape(*array.shape[:-1], -1, columns) for array in layer.get_weights()] for layer in layers]


def test_rows_of_heads_go_by_the_names_of_classes(donor):
    theirs, path = donor
    ours, schema = made(("cat", "helmet", "person"))
    fresh = heads(ours, "classes", 4)
    told = transfer(ours, schema, path)
    assert (told.known, told.fresh, told.left_out) == (("cat", "person"), ("helmet",), ("dog",))
    assert told.fresh_layers == ()
    for old, was, new in zip(heads(theirs, "classes", 4), fresh, heads(ours, "classes", 4), strict=True):
        for a, b, c in zip(old, was, new, strict=True):
            np.testing.assert_array_equal(c[..., [0, 1, 3]], a[..., [0, 3, 1]])
            np.testing.assert_array_equal(c[..., 2], b[..., 2])
    assert "known classes: cat, person; fresh classes: helmet; left out: dog" in str(told)


def test_all_other_layers_are_the_model_s(donor):
    theirs, path = donor
    ours, schema = made(("a", "b"))
    transfer(ours, schema, path)
    for layer in theirs.layers:
        if layer.weights and not layer.name.endswith("_head_classes"):
            for a, b in zip(layer.get_weights(), ours.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("network", "priors"),
    [
        ({"peer": PeerSwitches(prior_order="five_scripts")}, {}),
        ({}, {"variances": (0.1, 0.1, 0.1, 0.1)}),
        ({"neck": "fpn", "neck_channels": 64}, {}),
    ],
    ids=["order", "variances", "neck"],
)
def test_heads_that_mean_something_else_begin_anew(donor, network, priors):
    _, path = donor
    ours, schema = made(("person", "dog"), NETWORK.model_copy(update=network), Priors(**priors))
    boxes = heads(ours, "boxes", 4)
    told = transfer(ours, schema, path)
    assert told.known == ()
    assert len([name for name in told.fresh_layers if name.endswith(("_head_boxes", "_head_classes"))]) == 12
    for was, now in zip(boxes, heads(ours, "boxes", 4), strict=True):
        np.testing.assert_array_equal(was[0], now[0])


def test_logits_that_mean_something_else_begin_anew(donor):
    theirs, path = donor
    ours, schema = made(("person", "dog"), activation="sigmoid")
    told = transfer(ours, schema, path)
    assert told.known == ()
    for old, new in zip(heads(theirs, "boxes", 4), heads(ours, "boxes", 4), strict=True):
        np.testing.assert_array_equal(old[0], new[0])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"peer": PeerSwitches(ssdlite="qfgaohao")},
            "its network.peer.ssdlite is multibox, but the run's is qfgaohao; set network.peer.ssdlite=multibox",
        ),
        (
            {"scale": (1, 1, 1)},
            r"its input is scaled differently from the run's; "
            r"set network.mean=\[127.5,127.5,127.5\] network.scale=\[0.0",
        ),
        ({"mean": (0, 0, 0)}, "its input is scaled differently from the run's"),
    ],
)
def test_layers_that_compute_something_else_are_refused(donor, fields, message):
    with pytest.raises(BadInput, match=f"model.keras: {message}"):
        transfer(*made(("person",), NETWORK.model_copy(update=fields)), donor[1])


def test_a_mean_that_is_nearly_the_same_will_do(donor):
    told = transfer(*made(("person",), NETWORK.model_copy(update={"mean": (127, 127, 127)})), donor[1])
    assert told.known == ("person",)


def test_another_trunk_is_refused(donor):
    network = Network(size=(128, 128), weights="none", batch_norm="trained")
    with pytest.raises(
        BadInput, match=r"model.keras: its network.trunk is mobilenet_v2, but the run's is efficientnet_lite0"
    ):
        transfer(*made(("person",), network), donor[1])
