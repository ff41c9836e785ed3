import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from multibox import runtimes
from multibox.errors import BadInput
from multibox.runtimes import keras as keras_runtime
from tiny_onnx import write_tiny_onnx


@pytest.fixture
def installed(monkeypatch):
    """Says what is installed; ``$KERAS_BACKEND`` is not set, and is as before afterwards."""
    monkeypatch.setenv("KERAS_BACKEND", "")
    return lambda *names: monkeypatch.setattr(keras_runtime, "is_installed", names.__contains__)


@pytest.mark.parametrize(
    ("names", "chosen", "becomes"),
    [
        (("keras", "tensorflow"), None, ""),
        (("keras", "tensorflow", "jax"), None, ""),
        (("keras", "jax"), None, "jax"),
        (("keras", "jax"), "jax", ""),  # import_keras(backend) sets it
    ],
)
def test_keras_has_something_to_run_on(installed, names, chosen, becomes):
    installed(*names)
    runtimes.require_keras("train", chosen)
    assert os.environ["KERAS_BACKEND"] == becomes


@pytest.mark.parametrize(
    ("names", "chosen", "message"),
    [
        ((), None, r"train: needs Keras.*: pip install '\.\[train\]' or '\.\[jax\]'$"),
        ((), "jax", r"train: needs Keras.*: pip install '\.\[jax\]'$"),
        (("keras",), None, r"train: Keras needs TensorFlow or JAX.*\[train\]' or '\.\[jax\]'$"),
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
