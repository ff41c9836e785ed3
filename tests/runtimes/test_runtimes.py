import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from multibox import runtimes
from multibox.errors import BadInput
from multibox.runtimes import choose_backend
from tiny_onnx import write_tiny_onnx


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Says what is installed; ``$KERAS_BACKEND`` is not set, and is as before afterwards."""
    monkeypatch.setenv("KERAS_BACKEND", "")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(choose_backend, "running_backend", lambda: None)
    monkeypatch.setattr(choose_backend, "DRIVERS", ())
    return lambda *names: monkeypatch.setattr(choose_backend, "is_installed", names.__contains__)


@pytest.mark.parametrize(
    ("names", "chosen", "becomes"),
    [
        (("keras", "tensorflow"), None, "tensorflow"),
        (("keras", "tensorflow", "jax", "torch"), None, "tensorflow"),
        (("keras", "jax", "torch"), None, "torch"),
        (("keras", "jax"), None, "jax"),
        (("keras", "tensorflow", "jax"), "jax", "jax"),
    ],
)
def test_keras_has_something_to_run_on(installed, names, chosen, becomes):
    installed(*names)
    runtimes.require_keras("train", chosen)
    assert os.environ["KERAS_BACKEND"] == becomes


@pytest.mark.parametrize(
    ("torch_version", "others", "platform", "becomes"),
    [
        ("2.13.0", ("tensorflow", "jax", "jax_cuda12_plugin"), "linux", "torch"),
        ("2.13.0+cu130", ("tensorflow",), "win32", "torch"),
        ("2.13.0", ("tensorflow",), "win32", "tensorflow"),
        ("2.13.0+cpu", ("tensorflow", "jax", "jax_cuda12_plugin"), "linux", "jax"),
        ("2.13.0+cpu", ("tensorflow", "jax"), "linux", "tensorflow"),
        ("2.13.0+cpu", ("jax",), "linux", "torch"),
    ],
)
def test_with_a_gpu_what_is_built_for_it_is_chosen(
    installed, monkeypatch, tmp_path, torch_version, others, platform, becomes
):
    installed("keras", "torch", *others)
    monkeypatch.setattr(choose_backend, "DRIVERS", (tmp_path,))
    monkeypatch.setattr(choose_backend, "version", lambda name: torch_version)
    monkeypatch.setattr(choose_backend.sys, "platform", platform)
    runtimes.require_keras("train")
    assert os.environ["KERAS_BACKEND"] == becomes


@pytest.mark.parametrize(
    ("named", "becomes"), [("jax", "jax"), ("tensorflow", "torch"), (None, "torch"), (["jax"], "torch")]
)
def test_keras_own_configuration_counts(installed, tmp_path, named, becomes):
    """Except for TensorFlow, which Keras writes there by itself."""
    installed("keras", "torch", "jax")
    (tmp_path / "keras.json").write_text(json.dumps({"backend": named}))
    runtimes.require_keras("train")
    assert os.environ["KERAS_BACKEND"] == becomes


def test_a_backend_cannot_be_changed_while_keras_runs(installed, monkeypatch):
    installed("keras", "tensorflow", "torch")
    monkeypatch.setattr(choose_backend, "running_backend", lambda: "tensorflow")
    runtimes.require_keras("train")
    with pytest.raises(BadInput, match=r"^backend: Keras already runs on tensorflow; choose torch before"):
        runtimes.require_keras("train", "torch")


@pytest.mark.parametrize(
    ("names", "chosen", "message"),
    [
        ((), None, r"train: needs Keras.*: pip install '\.\[train\]' or '\.\[torch\]' or '\.\[jax\]'$"),
        ((), "jax", r"train: needs Keras.*: pip install '\.\[jax\]'$"),
        (
            ("keras",),
            None,
            r"train: Keras needs TensorFlow, PyTorch or JAX.*\[torch\]' or '\.\[jax\]'$",
        ),
        (
            ("keras", "torch"),
            "openvino",
            r"backend: openvino is no backend of Multibox; choose one of tensorflow",
        ),
        (
            ("keras", "tensorflow"),
            "jax",
            r"train: Keras is set to run on jax, which is not.*: pip install '\.\[jax\]'$",
        ),
        (
            ("keras", "jax"),
            "tensorflow",
            r"on tensorflow, which is not installed.*pip install '\.\[train\]'$",
        ),
    ],
)
@pytest.mark.parametrize("by_variable", [False, True])
def test_a_missing_backend_is_named(installed, monkeypatch, names, chosen, message, by_variable):
    installed(*names)
    if by_variable:
        monkeypatch.setenv("KERAS_BACKEND", chosen or "")
    with pytest.raises(BadInput, match=message):
        runtimes.require_keras("train", None if by_variable else chosen)


WHAT_IS_LOADED = """
import sys
from multibox.cli import main

main(sys.argv[1:], standalone_mode=False)
print("loaded", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_an_onnx_file_needs_no_keras(tmp_path):
    model = write_tiny_onnx(tmp_path / "tiny.onnx")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((100, 150, 3), np.uint8))
    words = ["predict", str(model), str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), "--json"]
    printed = subprocess.run(
        [sys.executable, "-c", WHAT_IS_LOADED, *words], capture_output=True, text=True, check=True
    ).stdout
    loaded = set(printed.splitlines()[-1].split())
    assert {"loaded", "multibox", "onnxruntime"} <= loaded
    assert not loaded & {
        "keras",
        "tensorflow",
        "jax",
        "torch",
        "grain",
        "h5py",
        "openvino",
        "MNN",
        "ncnn",
        "onnx",
    }


DAMAGED = b"caf\xe9"


@pytest.mark.parametrize("runtime", ["onnx", "openvino", "mnn", "ncnn"])
def test_a_damaged_network_is_refused_and_leaves_nothing_behind(runtime, tmp_path, monkeypatch, capsys):
    pytest.importorskip({"onnx": "onnxruntime", "mnn": "MNN"}.get(runtime, runtime))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    content = write_tiny_onnx(tmp_path / "tiny.onnx").read_bytes()
    (tmp_path / "tiny.onnx").write_bytes(content.replace(b"Relu", DAMAGED))
    with pytest.raises(BadInput, match=r"tiny.onnx: not a.* model that .* can run"):
        runtimes.open_runtime(tmp_path / "tiny.onnx", runtime=runtime)
    assert {path.name for path in tmp_path.rglob("*")} == {"work", "tiny.onnx"}
    assert capsys.readouterr() == ("", "")
