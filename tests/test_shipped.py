"""The detector that comes with the package."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import multibox
from multibox.bench import predicting
from multibox.cli import main
from multibox.config import Config, Network
from multibox.config_file import load_config
from multibox.errors import BadInput
from multibox.evaluation.save_thresholds import save_thresholds
from multibox.models import shipped
from multibox.models.schema import FORMAT
from multibox.models.shipped import FOLDER, NAME, model_path
from multibox.models.transfer import start_weights
from multibox.runtimes import OnnxRuntime, open_runtime
from multibox.runtimes.agreement import difference, trial_images
from multibox.runtimes.choose import model_file

VOC = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


@pytest.fixture
def picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("photo.jpg", np.random.default_rng(0).integers(0, 256, (100, 150, 3), np.uint8))
    return tmp_path / "photo.jpg"


def run(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    return result.exit_code, result.output


def test_both_files_are_one_detector():
    runtime = open_runtime(NAME, runtime="keras")
    images = trial_images(runtime.schema)
    default = open_runtime(NAME)
    assert isinstance(default, OnnxRuntime)
    assert default.schema == runtime.schema.model_copy(update={"format": FORMAT})
    assert default.schema.classes == VOC
    assert difference(runtime.run(images), default.run(images), runtime.schema).is_small


def test_it_fits_into_the_package_with_what_it_was_trained_by():
    assert sum(path.stat().st_size for path in FOLDER.glob(f"{NAME}.*")) <= 24 * 2**20
    assert {"config.yaml", "log.csv", "scores.json", "README.md"} <= {path.name for path in FOLDER.iterdir()}
    assert json.loads((FOLDER / "scores.json").read_text())["scores"]["map"] > 0.4


def test_predict_without_a_model(picture):
    by_default, by_name = (run("predict", *model, picture, "--json", "--score", "0.001") for model in ((), (NAME,)))
    assert by_default == by_name
    code, text = by_default
    found = json.loads(text[: text.rindex("]") + 1])[0]["detections"]
    assert (code, len(found) > 10) == (0, True)
    assert len(multibox.load()(picture, score=0.001)) == len(found)


def test_a_model_alone_is_not_taken_for_a_picture(picture):
    assert run("predict", NAME) == (2, "multibox: voc20: is a model; give the images after it\n")
    assert run("predict", "mine.keras")[1].startswith("multibox: mine.keras: is a model")


@pytest.mark.parametrize("words", [("photo.jpg", "mine.onnx"), ("mine.pt", "photo.jpg"), ("mine.ONNX", "photo.jpg")])
def test_it_does_not_look_where_another_model_was_meant(picture, words):
    code, text = run("predict", *words)
    assert (code, "is not an image; give the model as the first argument" in text) == (2, True)
    assert not (picture.parent / "detections").exists()


def test_pictures_may_have_its_name(picture):
    (picture.parent / NAME).mkdir()
    picture.rename(picture.parent / NAME / picture.name)
    assert run("predict", f"./{NAME}")[0] == 0


def test_predict_without_a_model_needs_the_base_install_alone(picture):
    blocked = "import sys; sys.modules.update(dict.fromkeys(['keras', 'tensorflow', 'jax', 'h5py']))"
    command = f"{blocked}; from multibox.cli import main; main(['predict', 'photo.jpg'])"
    subprocess.run([sys.executable, "-c", command], check=True)
    assert (picture.parent / "detections" / "detections.json").is_file()


@pytest.mark.parametrize(
    ("runtime", "devices", "suffix"),
    [(None, 1, ".onnx"), ("openvino", 1, ".onnx"), ("keras", 1, ".keras"), (None, 2, ".keras")],
)
def test_a_runtime_gets_the_file_that_it_reads(runtime, devices, suffix):
    assert model_file(NAME, runtime, devices) == FOLDER / f"{NAME}{suffix}"
    assert model_file("mine.onnx", runtime, devices) == Path("mine.onnx")


def test_its_speed_is_measured_in_keras_too(monkeypatch):
    monkeypatch.setattr(predicting, "load", lambda path, **_: path)  # its threads are set once in a process
    assert predicting.open_detectors([NAME], "keras", 1)[0] == {"keras": FOLDER / "voc20.keras"}


def test_info_knows_its_name():
    about = json.loads(run("info", NAME, "--json")[1])
    assert about["classes"] == list(VOC)
    assert about["parameters"] > 3e6


def test_what_is_made_of_it_is_written_in_the_current_folder(picture):
    code, text = run("export", NAME, "--format", "weights")
    assert (code, text) == (0, "weights: voc20.weights.h5\n")
    assert (picture.parent / "voc20.weights.h5").is_file()
    assert not list(FOLDER.glob("*.h5"))


@pytest.mark.slow
def test_its_int8_file_needs_no_images_and_runs_on_request(picture, monkeypatch):
    monkeypatch.setattr("multibox.export.export_model.CALIBRATED", 4)
    code, text = run("export", NAME, "--precision", "int8")
    assert (code, text.splitlines()[0]) == (0, "onnx: voc20-int8.onnx")
    size = (picture.parent / "voc20-int8.onnx").stat().st_size
    assert size < 0.4 * model_path(NAME).stat().st_size
    ms = lambda runtimes, rounds: dict(zip(runtimes, range(9, 0, -1), strict=False))  # noqa: E731, the last is best
    monkeypatch.setattr("multibox.runtimes.fastest.measure", ms)
    monkeypatch.setenv("XDG_CACHE_HOME", str(picture.parent / "cache"))
    code, text = run("predict", NAME, picture, "--runtime", "fastest-int8")
    assert (code, "voc20-int8.onnx runs in int8: what that costs was not measured" in text) == (0, True)


@pytest.mark.parametrize("model", [NAME, model_path(NAME), Path(os.path.relpath(model_path(NAME)))])
def test_its_thresholds_stay(model):
    with pytest.raises(BadInput, match="is bundled with multibox and cannot be changed"):
        save_thresholds(model, {"dog": 0.5})


def test_training_starts_from_it_where_the_layers_fit():
    assert Config().network.weights == "auto"
    assert start_weights(Network()) == NAME
    assert start_weights(Network(size=(128, 160), freeze="block2b")) == NAME
    assert start_weights(load_config("ssdlite-efficientnet-modern").network) == NAME
    assert start_weights(Network(trunk="mobilenet_v2")) == "imagenet"
    assert start_weights(Network(mean=(0, 0, 0))) == "imagenet"
    assert start_weights(Network(weights="imagenet")) == "imagenet"


def test_a_package_without_it_is_not_trained_from_something_else(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(BadInput, match=r"voc20\.keras: no such model file"):
        start_weights(Network())


@pytest.mark.parametrize(
    ("fields", "start"),
    [((), NAME), (("network.weights=voc20",), NAME), (("network.weights=none", "network.batch_norm=trained"), "none")],
)
def test_train_says_what_it_starts_from(store_root, tmp_path, monkeypatch, fields, start):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("multibox.training.loop.fit_segment", lambda *_: None)
    small = ("network.size=[128,128]", "train.steps_per_epoch=1", "train.epochs=1", "train.batch=2", "data.val=[]")
    code, text = run("train", "--data", "tiny", "--name", "run", *small, *fields)
    assert code == 0, text
    assert (f"{NAME}: 150 layers taken over; fresh classes: ball, crate" in text) == (start == NAME)
    assert load_config("experiments/run/config.yaml").network.weights == start
