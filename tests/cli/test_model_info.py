import json
import zipfile

import pytest

from colored import make_schema
from multibox.cli.models import model_json, print_model
from multibox.config_file import load_config
from multibox.errors import BadInput
from multibox.metadata import copy_with_metadata
from multibox.models.file import count_parameters
from multibox.models.schema import PARAMETERS
from tiny_onnx import write_tiny_onnx


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory):
    """A model file of one layer: 3 x 3 x 3 x 5 weights, 5 biases."""
    keras = pytest.importorskip("keras")
    from multibox.models.file import save_model

    path = tmp_path_factory.mktemp("describe") / "model.keras"
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 3)])
    network.compile("adam", "mse")
    network.fit(keras.ops.zeros((1, 8, 8, 3)), keras.ops.zeros((1, 6, 6, 5)), verbose=0)  # Adam now has its own numbers
    config = load_config(overrides={"data.train": ["toys/train"], "train.epochs": 7})
    schema = make_schema(thresholds={"red": 0.3}).model_copy(update={"training": config.model_dump(mode="json")})
    save_model(network, schema, path)
    return path


def test_model_json(keras_file):
    about = json.loads(json.dumps(model_json(keras_file)))
    assert about["classes"] == ["red", "green", "blue"]
    assert about["parameters"] == 3 * 3 * 3 * 5 + 5
    assert about["version"]


def test_parameters_without_h5py(keras_file, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    assert count_parameters(keras_file) is None


def test_print_model(keras_file, capsys):
    print_model(keras_file)
    printed = capsys.readouterr().out
    for text in ("192 x 128", "140", "red, green, blue", "red 0.3", "format 2", "7 epochs of toys/train", "published"):
        assert text in printed


@pytest.mark.parametrize("name", ["missing.onnx", "missing.keras"])
def test_no_model(tmp_path, name):
    with pytest.raises(BadInput, match=f"{name}: no such model file"):
        model_json(tmp_path / name)


@pytest.mark.parametrize("weights", [None, b"no h5"])
def test_a_model_without_weights(keras_file, tmp_path, weights):
    copy = tmp_path / "copy.keras"
    with zipfile.ZipFile(keras_file) as source, zipfile.ZipFile(copy, "w") as target:
        target.writestr("multibox.json", source.read("multibox.json"))
        if weights:
            target.writestr("model.weights.h5", weights)
    with pytest.raises(BadInput, match=r"copy\.keras: its model\.weights\.h5 is missing or damaged"):
        model_json(copy)


@pytest.mark.parametrize(("given", "parameters"), [("1234", 1234), ("9" * 5000, None), ("\u0663", None), ("", None)])
def test_the_number_of_parameters_that_an_onnx_file_gives(tmp_path, given, parameters):
    write_tiny_onnx(tmp_path / "tiny.onnx")
    copy_with_metadata(tmp_path / "tiny.onnx", tmp_path / "model.onnx", PARAMETERS, given)
    assert model_json(tmp_path / "model.onnx")["parameters"] == parameters


def test_a_file_without_the_number_of_parameters_does_not_blame_keras(tmp_path, capsys):
    write_tiny_onnx(tmp_path / "tiny.onnx")
    copy_with_metadata(tmp_path / "tiny.onnx", tmp_path / "model.onnx", PARAMETERS, "")
    print_model(tmp_path / "model.onnx")
    assert "not stored in such a file" in capsys.readouterr().out
