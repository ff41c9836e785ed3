"""What a run on PyTorch makes, in an environment that has TensorFlow and JAX too."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multibox.data.build import build
from multibox.models.file import load_model
from multibox.training.checkpoint import Checkpoints
from training.torch_run import first_examples

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


@pytest.fixture
def figures(folder):
    return json.loads((folder / "figures.json").read_text())


def test_tensorflow_is_not_imported(figures):
    assert "torch" in figures["loaded"]
    assert "tensorflow" not in figures["loaded"]


def test_the_examples_are_those_of_this_process(folder, figures, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(folder / "stores"))
    assert figures["examples"] == first_examples()


def test_a_stopped_run_goes_on_bit_for_bit(folder):
    ends = [Checkpoints(folder / "experiments" / name / "checkpoints").latest() for name in ("whole", "cut")]
    assert [end.state.step for end in ends] == [6, 6]
    assert ends[0].arrays.keys() == ends[1].arrays.keys()
    different = [name for name, array in ends[0].arrays.items() if not np.array_equal(array, ends[1].arrays[name])]
    assert different == []


def test_it_judges_detects_and_exports(figures):
    assert 0 <= figures["map"] <= 1
    assert figures["found"] > 0
    assert figures["score"] < 1e-3


def test_its_model_is_read_by_any_backend(folder, figures):
    network, _ = load_model(folder / figures["model"])
    assert all(np.isfinite(weights).all() for weights in network.get_weights())
