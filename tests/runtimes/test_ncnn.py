"""ncnn's folders: what is read, and what is refused before ncnn sees it."""

import subprocess

import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.models.file import is_model, read_onnx_schema
from multibox.runtimes import open_runtime
from multibox.runtimes.agreement import difference, trial_images
from multibox.runtimes.ncnn_files import write_files
from multibox.runtimes.ncnn_graph import to_ncnn
from tiny_onnx import write_tiny_onnx

onnx = pytest.importorskip("onnx")
pytest.importorskip("ncnn")


@pytest.fixture
def source(tmp_path):
    return write_tiny_onnx(tmp_path / "tiny.onnx")


def write_folder(source, folder, *, half=False):
    folder.mkdir()
    schema = read_onnx_schema(source)
    write_files(to_ncnn(onnx.load(source), schema.make_priors(), half=half), schema, folder)
    return folder


@pytest.fixture
def folder(source, tmp_path):
    return write_folder(source, tmp_path / "tiny.ncnn")


def test_a_folder_is_a_model(source, folder):
    assert is_model(folder)
    expected, given = open_runtime(source), open_runtime(folder)
    assert (given.name, given.schema) == ("ncnn", expected.schema)
    images = trial_images(given.schema)
    assert difference(expected.run(images), given.run(images), given.schema).is_small


def test_the_checksums_are_those_of_sha256sum(folder):
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)


def test_float16_is_used_for_weights_in_float16_alone(source, folder, tmp_path):
    half = write_folder(source, tmp_path / "half.ncnn", half=True)
    assert (half / "model.ncnn.bin").stat().st_size < 0.75 * (folder / "model.ncnn.bin").stat().st_size
    runtimes = [open_runtime(path) for path in (folder, half)]
    assert [runtime._network.opt.use_fp16_arithmetic for runtime in runtimes] == [False, True]
    single, rounded = (runtime.run(trial_images(runtime.schema))["classes"] for runtime in runtimes)
    assert 0 < np.abs(single - rounded).max() < 0.02 * np.abs(single).max()


@pytest.mark.parametrize("name", ["model.ncnn.param", "model.ncnn.bin", "multibox.json", "SHA256SUMS"])
def test_a_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(BadInput, match=rf"tiny\.ncnn: not an ncnn model of multibox: it has no {name}$"):
        open_runtime(folder)


@pytest.mark.parametrize("name", ["model.ncnn.param", "model.ncnn.bin", "multibox.json"])
@pytest.mark.parametrize("change", [lambda content: content[: len(content) // 2], lambda content: content[:-1] + b"~"])
def test_a_damaged_file_is_named_before_ncnn_reads_it(folder, name, change, monkeypatch):
    monkeypatch.setattr("multibox.runtimes.ncnn.no_chatter", None)
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(BadInput, match=rf"{name}: was damaged or changed: its checksum is not the one in SHA256SUMS"):
        open_runtime(folder)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n\n", b"0" * 64 + b"  model.ncnn.bin"])
def test_damaged_checksums(folder, content):
    (folder / "SHA256SUMS").write_bytes(content)
    with pytest.raises(BadInput, match=r"multibox\.json: was damaged or changed"):
        open_runtime(folder)


def test_a_part_of_a_folder_is_no_model(folder):
    with pytest.raises(
        BadInput, match=r"model\.ncnn\.param: is only one file of a model; give the model's folder, .*tiny\.ncnn$"
    ):
        open_runtime(folder / "model.ncnn.param")


def test_no_folder(tmp_path):
    with pytest.raises(BadInput, match=r"no\.ncnn: no such model file"):
        open_runtime(tmp_path / "no.ncnn")
    (tmp_path / "file.ncnn").write_text("x")
    with pytest.raises(BadInput, match=r"file\.ncnn: not an ncnn model of multibox"):
        open_runtime(tmp_path / "file.ncnn")


def test_the_bundled_detector_of_an_older_exporter(monkeypatch, tmp_path):
    """Its file computes shapes and normalises before it puts the channels first."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    expected, given = open_runtime("voc20", threads=1), open_runtime("voc20", runtime="ncnn", threads=1)
    images = trial_images(expected.schema)[:1]
    assert difference(expected.run(images), given.run(images), expected.schema).is_small
