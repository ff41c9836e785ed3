"""A Keras network in ONNX Runtime: where that is quicker and the same."""

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("onnx")

from multibox.errors import BadInput
from multibox.runtimes import KerasRuntime, OnnxRuntime, from_keras, open_runtime
from multibox.runtimes.agreement import Difference, difference, trial_images
from multibox.runtimes.from_keras import quickest_of
from small_ssd import CASES, make_network, make_schema


@pytest.fixture
def runtime():
    schema = make_schema(*CASES["odd sizes"][:2])
    return KerasRuntime(make_network(schema), schema)


def test_the_current_weights_run_in_onnx_runtime(runtime):
    images = trial_images(runtime.schema)
    for _ in range(2):
        layer = runtime.network.get_layer("stem")
        layer.kernel.assign(layer.kernel * 0.5)
        quick = quickest_of(runtime)
        assert isinstance(quick, OnnxRuntime)
        assert quick.schema == runtime.schema
        assert difference(runtime.run(images), quick.run(images), runtime.schema).is_small


@pytest.mark.parametrize("reason", ["other numbers", "an accelerator", "no package onnx"])
def test_otherwise_keras_runs(runtime, monkeypatch, reason):
    if reason == "other numbers":
        monkeypatch.setattr(from_keras, "difference", lambda *_: Difference(0.002, 0))
    elif reason == "an accelerator":
        monkeypatch.setattr(from_keras, "devices", lambda: ["GPU:0"])
    else:
        monkeypatch.setattr(from_keras, "can_convert", lambda: False)
    assert quickest_of(runtime) is runtime


@pytest.fixture
def file(runtime, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(from_keras, "open_keras", lambda path, threads: runtime)
    path = tmp_path / "model.keras"
    path.write_bytes(b"any")
    return path


@pytest.mark.parametrize("fastest", ["keras", "onnx"])
def test_the_fastest_runtime_of_a_keras_file(file, runtime, monkeypatch, fastest):
    ms = dict.fromkeys(("keras", "onnx", "openvino"), 2.0) | {fastest: 1.0}
    monkeypatch.setattr("multibox.runtimes.fastest.measure", lambda runtimes, rounds: {n: ms[n] for n in runtimes})
    for _ in range(2):  # measured, then remembered
        opened = open_runtime(file, runtime="fastest", threads=1)
        assert opened.name == fastest
        np.testing.assert_allclose(
            opened.run(trial_images(runtime.schema))["classes"],
            runtime.run(trial_images(runtime.schema))["classes"],
            atol=1e-4,
        )


def test_on_an_accelerator_keras_runs_it(file, monkeypatch):
    monkeypatch.setattr(from_keras, "devices", lambda: ["gpu:0", "gpu:1"])
    assert open_runtime(file, runtime="fastest").name == "keras"


def test_a_file_that_keras_cannot_read(file, monkeypatch):
    def refuse(path, threads):
        raise BadInput(path, "not a model file")

    monkeypatch.setattr(from_keras, "open_keras", refuse)
    with pytest.raises(BadInput, match="not a model file"):
        open_runtime(file, runtime="fastest")
