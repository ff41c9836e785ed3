"""What runs on PyTorch make, in an environment that has TensorFlow and JAX too, and in one that has neither."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import multibox
from multibox.data.build import build
from multibox.models.file import load_model
from multibox.training.checkpoint import Checkpoints
from training.torch_run import PRECISIONS, first_examples

pytest.importorskip("torch")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(voc_folder, tmp_path_factory):
    """The folder of a process that has run it all, and what it printed, in ``figures.json``."""
    folder = tmp_path_factory.mktemp("torch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTIBOX_DATA", str(folder / "stores"))
        build([voc_folder], "tiny")
        environment = {**os.environ, "KERAS_BACKEND": "torch"}
        command = [sys.executable, str(Path(__file__).with_name("torch_run.py"))]
        done = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    (folder / "figures.json").write_text(done.stdout.splitlines()[-1])
    return folder


def without_tensorflow_and_jax(folder):
    """Make a folder with all installed packages but these."""
    folder.mkdir()
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if not package.name.startswith(("tensorflow", "jax")):
            (folder / package.name).symlink_to(package)
    return folder


@pytest.fixture
def figures(folder):
    return json.loads((folder / "figures.json").read_text())


def test_tensorflow_is_not_imported(figures):
    assert "torch" in figures["loaded"]
    assert "tensorflow" not in figures["loaded"]


def test_the_examples_are_those_of_this_process(folder, figures, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(folder / "stores"))
    assert figures["examples"] == first_examples()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_stopped_run_goes_on_bit_for_bit(folder, precision):
    runs = [folder / "experiments" / f"{name}-{precision}" for name in ("whole", "cut")]
    ends = [Checkpoints(run / "checkpoints").latest() for run in runs]
    assert [end.state.step for end in ends] == [6, 6]
    assert ends[0].arrays.keys() == ends[1].arrays.keys()
    different = [name for name, array in ends[0].arrays.items() if not np.array_equal(array, ends[1].arrays[name])]
    assert different == []
    assert any("scale" in name for name in ends[0].arrays) == (precision == "mixed_float16")


def test_it_judges_detects_and_exports(figures):
    assert 0 <= figures["map"] <= 1
    assert figures["found"] > 0
    assert figures["score"] < 1e-3


def test_its_model_is_read_by_any_backend(folder, figures):
    network, _ = load_model(folder / figures["model"])
    assert all(np.isfinite(weights).all() for weights in network.get_weights())


def test_commands_need_neither_tensorflow_nor_jax(folder, tmp_path):
    packages = without_tensorflow_and_jax(tmp_path / "packages")
    paths = [packages, Path(multibox.__file__).parents[1], Path(__file__).parents[1]]
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"} | {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "MULTIBOX_DATA": str(folder / "stores"),
    }
    command = [sys.executable, "-S", str(Path(__file__).with_name("torch_alone_run.py"))]
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    assert json.loads(done.stdout.splitlines()[-1]) == {"installed": [], "status": 200, "images": 1}
    assert (tmp_path / "experiments" / "alone" / "best-nms.onnx").exists()
    assert (tmp_path / "outputs" / "image.png").exists()
    assert Checkpoints(tmp_path / "experiments" / "alone" / "checkpoints").latest().state.step == 4
