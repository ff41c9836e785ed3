"""Files in int8 run only on request: as the model given, or with ``fastest-int8``. What that costs is said."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from colored import make_schema
from multibox.cli import main
from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.models.schema import Loss
from multibox.runtimes import open_runtime
from tiny_onnx import write_tiny_onnx

LOSS = Loss(map=0.0031, data="toys/val")


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    write_tiny_onnx(tmp_path / "model.onnx", make_schema(weights="one", thresholds={"red": 0.25}))
    write_int8(tmp_path / "model-int8.onnx")
    return Path("model.onnx")


def write_int8(path, **changes):
    return write_tiny_onnx(path, make_schema(**{"weights": "one", "precision": "int8", "loss": LOSS} | changes))


@pytest.fixture
def prefer(monkeypatch):
    """Make a runtime the fastest by the end of its name, if it may be chosen."""

    def preferring(end):
        measured = lambda runtimes, rounds: {name: 1.0 if name.endswith(end) else 2.0 for name in runtimes}  # noqa: E731
        monkeypatch.setattr("multibox.runtimes.fastest.measure", measured)

    return preferring


def test_the_int8_file_beside_a_model_runs_in_its_place_if_it_is_faster(model, prefer, caplog):
    caplog.set_level(logging.INFO, "multibox")
    prefer("model-int8.onnx")
    for _ in range(2):  # measured, then remembered
        caplog.clear()
        detector = load(model, runtime="fastest-int8", threads=1)
        assert detector.runtime.file.name == "model-int8.onnx"
        assert detector.schema == make_schema(
            weights="one", thresholds={"red": 0.25}, precision="int8", loss=LOSS, version=detector.schema.version
        )
        assert caplog.messages == ["model-int8.onnx runs in int8: its mAP on toys/val is 0.0031 lower than in fp32"]


@pytest.mark.parametrize(("runtime", "end"), [("fastest-int8", "no name"), ("fastest", "model-int8.onnx")])
def test_a_slower_int8_file_or_one_that_was_not_asked_for_does_not_run(model, prefer, runtime, end, caplog):
    caplog.set_level(logging.INFO, "multibox")
    prefer(end)
    detector = load(model, runtime=runtime, threads=1)
    assert detector.runtime.file is None
    assert detector.schema.precision == "fp32"
    assert not caplog.messages


@pytest.mark.parametrize(
    ("loss", "cost"),
    [
        (None, "what that costs was not measured; export it again and evaluate it to know"),
        (Loss(map=-0.002, data="toys/val"), "its mAP on toys/val is 0.0020 higher than in fp32"),
    ],
)
def test_the_command_says_in_one_line_that_the_given_file_is_int8(model, loss, cost, tmp_path):
    write_int8(tmp_path / "mine.onnx", loss=loss)
    cv2.imwrite("photo.jpg", np.zeros((20, 30, 3), np.uint8))
    result = CliRunner().invoke(main, ["predict", "mine.onnx", "photo.jpg"])
    assert f"mine.onnx runs in int8: {cost}\n" in result.stderr


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (None, r"runtime: fastest-int8: there is no model-int8\.onnx; export the model in int8"),
        ({"precision": "fp32"}, r"model-int8\.onnx: is no plain file in int8; export it again"),
        ({"weights": "two"}, r"model-int8\.onnx: is not known to have the weights of model\.onnx; export both again"),
        ({"weights": ""}, r"model-int8\.onnx: is not known to have the weights of model\.onnx; export both again"),
    ],
)
def test_a_file_that_is_not_the_same_model_in_int8_is_refused(model, changes, message):
    if changes is None:
        model.with_name("model-int8.onnx").unlink()
    else:
        write_int8(model.with_name("model-int8.onnx"), **changes)
    with pytest.raises(BadInput, match=message):
        open_runtime("model.onnx", runtime="fastest-int8")


def test_other_formats_have_no_int8_file(tmp_path, monkeypatch):
    (tmp_path / "model.tflite").touch()
    with pytest.raises(BadInput, match=r"runtime: fastest-int8: takes a \.keras or \.onnx file, not .*model\.tflite"):
        open_runtime(tmp_path / "model.tflite", runtime="fastest-int8")
