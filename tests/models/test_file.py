import contextlib
import json
import os
import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

from multibox.config import Network, Priors
from multibox.errors import BadInput
from multibox.export import export_weights
from multibox.models.file import load_model, read_schema, save_model
from multibox.models.maps import feature_maps
from multibox.models.schema import MEMBER, Schema
from multibox.models.ssd import build

NETWORK = Network(size=(128, 128))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    schema = Schema(network=NETWORK, maps=feature_maps(NETWORK), classes=("cat", "dog"), priors=Priors())
    model = build(NETWORK, 2, Priors())
    save_model(model, schema, path)
    return path, model, schema


def image():
    return np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)


def test_the_schema_comes_back(saved):
    path, _, schema = saved
    assert read_schema(path) == schema


def test_a_new_process_computes_the_same(saved, tmp_path):
    path, model, _ = saved
    np.save(tmp_path / "image.npy", image())
    code = (
        "import sys, numpy as np; from multibox.models.file import load_model;"
        "model, _ = load_model(sys.argv[1]); np.save(sys.argv[3], model(np.load(sys.argv[2]))['boxes'])"
    )
    files = [str(path), str(tmp_path / "image.npy"), str(tmp_path / "boxes.npy")]
    subprocess.run([sys.executable, "-c", code, *files], check=True, env=dict(os.environ))
    expected = keras.ops.convert_to_numpy(model(image())["boxes"])
    np.testing.assert_array_equal(np.load(tmp_path / "boxes.npy"), expected)


def test_plain_keras_opens_it(saved):
    path, model, _ = saved
    plain = keras.saving.load_model(path)
    np.testing.assert_array_equal(plain(image())["classes"], model(image())["classes"])


def test_the_weights_alone_load_into_a_network_of_the_same_layers(saved, tmp_path):
    path, model, _ = saved
    written = export_weights(path, tmp_path / "bare.weights.h5")
    other = build(NETWORK, 2, Priors())
    other.load_weights(written)
    for ours, theirs in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(BadInput, match=r"bare.h5: give a file that ends in .weights.h5"):
        export_weights(path, tmp_path / "bare.h5")
    assert export_weights(path, tmp_path / "bare.weights.h5") == written, "what Multibox wrote, it replaces"
    assert sorted(file.name for file in tmp_path.iterdir()) == [".multibox", "bare.weights.h5"]


def test_weights_beside_the_model_take_the_next_free_name(saved, tmp_path):
    path = shutil.copy(saved[0], tmp_path)
    (tmp_path / "model.weights.h5").write_text("mine")
    for _ in range(2):
        assert export_weights(path).name == "model-2.weights.h5"
    assert (tmp_path / "model.weights.h5").read_text() == "mine"


def test_nothing_is_left_beside_it(saved):
    path, _, _ = saved
    assert [file.name for file in path.parent.iterdir()] == ["model.keras"]


def test_what_the_files_own_config_says_is_never_run(saved, tmp_path):
    """A config that would call a function when Keras reads it does nothing: only schema and weights are read."""
    path, _, _ = saved
    evil = tmp_path / "evil.keras"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(evil, "w") as target:
        for name in source.namelist():
            data = (
                b'{"module": "os", "class_name": "system", "config": {}}'
                if name == "config.json"
                else source.read(name)
            )
            target.writestr(name, data)
    model, _ = load_model(evil)
    assert model.count_params() > 0


def rewritten(path, tmp_path, name, data):
    copy = tmp_path / "copy.keras"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for member in source.namelist():
            if member != name:
                target.writestr(member, source.read(member))
        if data is not None:
            target.writestr(name, data)
    return copy


def test_a_file_from_before_necks_and_sigmoids_loads_as_it_was(saved, tmp_path):
    path, model, schema = saved
    values = json.loads(schema.model_dump_json())
    del values["activation"], values["network"]["neck"], values["network"]["neck_channels"]
    again, read = load_model(rewritten(path, tmp_path, MEMBER, json.dumps(values)))
    assert read == schema
    assert (read.activation, read.network.neck) == ("softmax", "none")
    np.testing.assert_array_equal(again(image())["classes"], model(image())["classes"])


def test_a_newer_format_is_refused_in_one_line(saved, tmp_path):
    path = rewritten(saved[0], tmp_path, MEMBER, '{"format": 99}')
    with pytest.raises(
        BadInput, match=r"copy.keras: model format 99 is newer than this version of multibox; upgrade multibox"
    ):
        load_model(path)


@pytest.mark.parametrize(
    ("member", "data", "message"),
    [
        (MEMBER, None, r"copy.keras: a zip, but not a model of multibox"),
        (MEMBER, "[]", r"copy.keras: its multibox.json does not hold a model's schema"),
        ("model.weights.h5", None, r"copy.keras: its weights do not fit its schema, or are damaged"),
        ("model.weights.h5", b"no h5", r"copy.keras: its weights do not fit its schema, or are damaged"),
    ],
)
def test_a_damaged_file_is_refused_by_name(saved, tmp_path, member, data, message):
    with pytest.raises(BadInput, match=message):
        load_model(rewritten(saved[0], tmp_path, member, data))


def test_what_is_no_model_file_is_refused_by_name(tmp_path):
    with pytest.raises(BadInput, match=r"none.keras: no such model file"):
        load_model(tmp_path / "none.keras")
    (tmp_path / "text.keras").write_text("hello")
    with pytest.raises(BadInput, match=r"text.keras: not a model file"):
        load_model(tmp_path / "text.keras")


def test_a_flipped_byte_is_refused_by_name(saved, tmp_path):
    data = saved[0].read_bytes()
    with zipfile.ZipFile(saved[0]) as archive:
        start, size = archive.getinfo(MEMBER).header_offset, archive.getinfo(MEMBER).compress_size
    copy = tmp_path / "copy.keras"
    for place in range(start, start + 30 + len(MEMBER) + size, 7):
        copy.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        with contextlib.suppress(BadInput):
            assert read_schema(copy) == saved[2]  # a few bytes, such as the date's, say nothing
    copy.write_bytes(data[: start + 60] + b"\0" + data[start + 61 :])
    with pytest.raises(BadInput, match=r"copy\.keras: its multibox\.json is damaged"):
        read_schema(copy)
