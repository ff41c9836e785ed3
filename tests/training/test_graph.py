"""Training of a network whose layers are a graph, from a model file."""

import keras
import numpy as np
import pytest

import multibox
from models.test_graph import PRIORS, network_of, small_graph
from multibox.config_file import load_config
from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.models.file import load_model, save_model
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build
from multibox.training.train import resume, train

SHORT = {"train.batch": 2, "train.epochs": 1, "train.steps_per_epoch": 2, "train.validate_every": 1}


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model file of a small graph with three classes, of which the run knows one."""
    monkeypatch.chdir(tmp_path)
    network = network_of(small_graph("bgr"), batch_norm="trained", mean=(123, 117, 104))
    keras.utils.set_random_seed(3)
    classes = ("crate", "cat", "dog")
    schema = Schema(network=network, maps=feature_maps(network), classes=classes, priors=PRIORS, resize="letterbox")
    save_model(build(network, 3, PRIORS), schema, tmp_path / "start.keras")
    return tmp_path / "start.keras"


def test_a_run_takes_network_priors_and_weights_of_a_graph_and_can_be_resumed(store_root, model, caplog):
    caplog.set_level("INFO", "multibox")
    run = train("tiny", overrides={**SHORT, "network.weights": str(model), "network.freeze": "a_bn"}, name="first")
    assert "network, priors and data.resize are taken from" in caplog.text
    assert "known classes: crate; fresh classes: ball; left out: cat, dog" in caplog.text
    trained, schema = load_model(run.model)
    start, theirs = load_model(model)
    assert schema.network.graph == theirs.network.graph
    assert (schema.priors, schema.network.mean) == (theirs.priors, theirs.network.mean)
    assert schema.resize == "letterbox"
    np.testing.assert_array_equal(trained.get_layer("a").get_weights()[0], start.get_layer("a").get_weights()[0])
    assert np.abs(trained.get_layer("b").get_weights()[0] - start.get_layer("b").get_weights()[0]).max() > 0
    assert "graph" not in schema.training["network"]
    assert load_config(run.folder / "config.yaml").network.graph == theirs.network.graph
    assert "a_relu       8x10" in (run.folder / "model.txt").read_text()
    again = resume("first", {"train.epochs": 2})
    assert len(load(again.model).classes) == 2


def test_another_graph_is_refused(store_root, model):
    _, schema = load_model(model)
    graph = schema.network.graph.model_copy(update={"colour": "rgb"}).model_dump(mode="json")
    fields = {"network.trunk": "graph", "network.layout": "graph", "network.graph": graph, "network.size": [128, 160]}
    with pytest.raises(BadInput, match=r"start.keras: its network.graph differs from the run's"):
        multibox.train(
            "tiny",
            overrides={**SHORT, **fields, "network.weights": str(model), "priors.shapes": PRIORS.shapes},
        )


def test_a_graph_has_no_published_weights(store_root, model):
    _, schema = load_model(model)
    graph = schema.network.graph.model_dump(mode="json")
    fields = {"network.trunk": "graph", "network.layout": "graph", "network.graph": graph, "network.size": [128, 160]}
    with pytest.raises(BadInput, match=r"network.weights: for a graph, must be none or a model file"):
        multibox.train(
            "tiny", overrides={**SHORT, **fields, "network.weights": "imagenet", "priors.shapes": PRIORS.shapes}
        )
