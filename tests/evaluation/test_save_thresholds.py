import zipfile

import keras
import numpy as np
import pytest

from multibox.config import Network, Priors
from multibox.errors import BadInput
from multibox.evaluation.save_thresholds import save_thresholds
from multibox.metadata import read_metadata
from multibox.models.file import load_model, read_onnx_schema, read_schema, save_model
from multibox.models.maps import feature_maps
from multibox.models.schema import MEMBER, Schema
from multibox.models.ssd import build

NETWORK = Network(size=(128, 128))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.keras"
    schema = Schema(
        network=NETWORK, maps=feature_maps(NETWORK), classes=("cat", "dog"), priors=Priors(), thresholds={"dog": 0.5}
    )
    save_model(build(NETWORK, 2, Priors()), schema, path)
    return path, schema


def test_a_keras_file(saved):
    path, schema = saved
    before, _ = load_model(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    save_thresholds(path, {"cat": 0.25})
    network, now = load_model(path)
    assert now == schema.model_copy(update={"thresholds": {"dog": 0.5, "cat": 0.25}})
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == list(members)
        assert all(archive.read(name) == data for name, data in members.items() if name != MEMBER)
    for mine, theirs in zip(network.weights, before.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert keras.saving.load_model(path).count_params() == before.count_params()
    assert [child.name for child in path.parent.iterdir()] == ["model.keras"]


def test_an_onnx_file(tmp_path, saved):
    onnx = pytest.importorskip("onnx")
    _, schema = saved
    helper = onnx.helper
    node = helper.make_node("Identity", ["x"], ["y"])
    values = [helper.make_tensor_value_info(name, 1, [1]) for name in "xy"]
    weights = helper.make_tensor("w", 1, [300], np.arange(300.0))
    model = helper.make_model(helper.make_graph([node], "g", values[:1], values[1:], [weights]), doc_string="mine")
    helper.set_model_props(model, {"before": "1", MEMBER: schema.model_dump_json(), "after": "2"})
    path = tmp_path / "model.onnx"
    onnx.save(model, path)

    save_thresholds(path, {"cat": 0.25, "dog": 0.75})
    assert read_onnx_schema(path).thresholds == {"cat": 0.25, "dog": 0.75}
    assert list(read_metadata(path)) == ["before", "after", MEMBER]
    now = onnx.load(path)
    assert len(now.metadata_props) == 3  # the old schema is gone
    for one in (model, now):
        del one.metadata_props[:]
    assert now == model


@pytest.mark.parametrize("name", ["model.tflite", "found.json"])
def test_other_files_have_no_place_for_them(tmp_path, name):
    with pytest.raises(BadInput, match=f"save_thresholds: .*{name} cannot store thresholds"):
        save_thresholds(tmp_path / name, {})


def test_a_file_that_is_no_model_stays_as_it_is(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"mine")
    with pytest.raises(BadInput, match=r"model\.keras: not a model file"):
        save_thresholds(tmp_path / "model.keras", {"cat": 0.5})
    assert (tmp_path / "model.keras").read_bytes() == b"mine"


def test_the_schema_is_valid_after_it(saved):
    path, _ = saved
    save_thresholds(path, {"cat": 1.0})
    assert read_schema(path).thresholds["cat"] == 1


def test_a_link_to_a_model_stays_a_link(saved):
    path, _ = saved
    link = path.with_name("best.keras")
    link.symlink_to(path.name)
    save_thresholds(link, {"cat": 0.25})
    assert link.is_symlink()
    assert read_schema(path).thresholds["cat"] == 0.25
