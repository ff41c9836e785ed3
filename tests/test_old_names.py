"""Configurations, model files, runs and commands of version 0.1.0, which had other names for some fields."""

import json
import zipfile

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from importers import peer_priors
from multibox.cli import main
from multibox.config import Config, Network, PeerSwitches
from multibox.config_file import load_config, parse_config
from multibox.errors import BadInput
from multibox.evaluation.save_thresholds import save_thresholds
from multibox.importers import KINDS
from multibox.models.file import read_onnx_schema, read_schema
from multibox.models.maps import feature_maps
from multibox.models.schema import FORMAT, MEMBER, parse_schema
from multibox.models.shipped import FOLDER, NAME
from multibox.old_names import IMPORT_KIND, RENAMED, current_fields

SECTIONS = {
    "network": {
        "trunk": "resnet50",
        "layout": "ssd300",
        "size": [300, 300],
        "weights": "imagenet",
        "freeze": "",
        "batch_norm": "trained",
        "downsample_padding": "same",
        "neck": "none",
        "neck_channels": 128,
        "mean": [0.0, 0.0, 0.0],
        "scale": None,
        "resnet50": "seed",
        "ssdlite": "multibox",
        "tail": "full",
    },
    "priors": {
        "sizes": [30.0, 60.0, 111.0, 162.0, 213.0, 264.0, 315.0],
        "at": 300.0,
        "ratios": [[2.0], [2.0, 3.0], [2.0, 3.0], [2.0, 3.0], [2.0], [2.0]],
        "steps": [],
        "offset": 0.5,
        "clip": False,
        "order": "seed",
        "variances": [0.1, 0.1, 0.2, 0.2],
    },
}
"""As version 0.1.0 wrote these sections for ``network.resnet50=seed network.downsample_padding=same
priors.order=seed``."""

PEER = PeerSwitches(resnet50="five_scripts", downsample_padding="same", prior_order="five_scripts")


def old_schema():
    network = Network(trunk="resnet50", layout="ssd300", size=(300, 300), batch_norm="trained", weights="none")
    maps = [
        {"name": fmap.name, "height": fmap.height, "width": fmap.width, "step_y": fmap.step_y, "step_x": fmap.step_x}
        for fmap in feature_maps(network)
    ]
    head = {"format": 1, "version": "0.1.0", "maps": maps, "classes": ["cat", "dog"], "resize": "warp"}
    return {**head, **SECTIONS, "activation": "softmax", "thresholds": {}, "training": SECTIONS}


def old_model(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("multibox.json", json.dumps(old_schema()))
        archive.writestr("model.weights.h5", b"")
    return path


def test_a_configuration_of_a_run_opens(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(SECTIONS))
    config = load_config(tmp_path / "config.yaml")
    assert config.network.peer == PEER
    assert load_config(tmp_path / "config.yaml", ["priors.order=caffe"]).network.peer.prior_order == "caffe"
    assert "seed" not in yaml.safe_dump(config.model_dump(mode="json")).replace("seed: 0", "")


BASE = {"trunk": "mobilenet_v2", "weights": "imagenet"}


@pytest.mark.parametrize(
    ("base", "own"),
    [
        ({"ssdlite": "lufficc"}, {"peer": {"ssdlite": "qfgaohao"}}),
        ({"peer": {"ssdlite": "lufficc"}}, {"ssdlite": "qfgaohao"}),
        ({"ssdlite": "lufficc"}, {"ssdlite": "qfgaohao"}),
    ],
)
def test_a_file_takes_the_place_of_what_it_extends_under_either_name(tmp_path, base, own):
    base_file, own_file = tmp_path / "base.yaml", tmp_path / "own.yaml"
    base_file.write_text(yaml.safe_dump({"network": {**BASE, **base}, "priors": {"order": "seed"}}))
    own_file.write_text(yaml.safe_dump({"extends": str(base_file), "network": own}))
    config = load_config(own_file)
    assert config.network.trunk == "mobilenet_v2"
    assert config.network.peer == PeerSwitches(ssdlite="qfgaohao", prior_order="five_scripts")


@pytest.mark.parametrize("given", ["network.ssdlite=lufficc", {"network.ssdlite": "lufficc"}])
def test_an_override_takes_the_place_of_what_a_file_says(tmp_path, given):
    fields = {"network": {"trunk": "mobilenet_v2", "peer": {"ssdlite": "torchvision"}}}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(fields))
    overrides = [given] if isinstance(given, str) else given
    assert load_config(tmp_path / "a.yaml", overrides).network.peer.ssdlite == "lufficc"


def test_a_field_under_both_names_is_refused():
    values = {"network": {"ssdlite": "torchvision", "peer": {"ssdlite": "multibox"}}}
    with pytest.raises(BadInput, match=r"a\.yaml: network\.ssdlite: no such field"):
        parse_config(values, "a.yaml")


@pytest.mark.parametrize("values", [{}, {"network": 3}, {"network": None}, {"network": {"peer": 1, "tail": "full"}}])
def test_values_without_old_names_or_of_another_shape_stay_as_they_are(values):
    assert current_fields(values) == values


def test_the_values_given_are_not_changed():
    before = json.dumps(SECTIONS)
    current_fields(SECTIONS)
    assert json.dumps(SECTIONS) == before


def test_a_model_file_opens_with_the_priors_it_was_trained_with():
    schema = parse_schema(json.dumps(old_schema()), "model.keras")
    assert schema.network.peer == PEER
    expected = peer_priors.five_scripts(300, peer_priors.VOC)
    np.testing.assert_allclose(schema.make_priors(), expected, atol=1e-6)
    assert parse_config(schema.training, "model.keras").network == schema.network


def test_what_is_written_of_an_old_model_has_the_new_names(tmp_path):
    path = old_model(tmp_path / "model.keras")
    save_thresholds(path, {"cat": 0.5})
    with zipfile.ZipFile(path) as archive:
        values = json.loads(archive.read("multibox.json"))
    assert values["format"] == FORMAT == 2
    assert values["network"]["peer"] == PEER.model_dump()
    assert "resnet50" not in values["network"]
    assert "order" not in values["priors"]
    assert read_schema(path).thresholds == {"cat": 0.5}


def test_the_keras_file_that_comes_with_the_package_is_of_the_old_format():
    """So every test of it shows that such files open."""
    schema = read_schema(FOLDER / f"{NAME}.keras")
    assert (schema.format, schema.version, schema.network.peer) == (1, "0.1.0", PeerSwitches())


def test_an_onnx_file_of_the_old_format_opens(tmp_path):
    onnx = pytest.importorskip("onnx")
    with zipfile.ZipFile(FOLDER / f"{NAME}.keras") as file:
        text = file.read(MEMBER).decode()
    model = onnx.load(FOLDER / f"{NAME}.onnx")
    onnx.helper.set_model_props(model, {MEMBER: text})
    onnx.save(model, tmp_path / "old.onnx")
    assert read_onnx_schema(tmp_path / "old.onnx") == read_schema(FOLDER / f"{NAME}.keras")


def test_every_new_name_is_a_field():
    for renamed in RENAMED.values():
        if renamed.field != IMPORT_KIND:
            value = Config()
            for part in renamed.field.split("."):
                value = getattr(value, part)
            assert value is not None


def test_old_kinds_of_weights_are_imported_under_their_new_names(tmp_path):
    assert set(RENAMED[IMPORT_KIND].values.values()) <= set(KINDS)
    for kind in ("seed", "five-scripts"):
        words = ["import", str(tmp_path / "none.h5"), "--from", kind, "--out", str(tmp_path / "model.keras")]
        done = CliRunner().invoke(main, words)
        assert (done.exit_code, "none.h5: " in done.output) == (2, True)
    assert "seed" not in CliRunner().invoke(main, ["import", "--help"]).output
