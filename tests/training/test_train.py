import csv
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import multibox
from multibox.config_file import load_config
from multibox.data.build import build
from multibox.data.record import make_objects
from multibox.data.store import open_store
from multibox.data.store_writer import write_store
from multibox.errors import BadInput, RunFailed
from multibox.models.file import load_model, save_model
from multibox.training import loop, validate
from multibox.training import setup as setting_up
from multibox.training.setup import complete, set_up, settings_of
from multibox.training.stores import find_data
from multibox.training.train import resume, train
from multibox.training.training_model import TrainingModel
from training import small_network

SMALL = {
    "network.size": [128, 128],
    "network.weights": "none",
    "network.batch_norm": "trained",
    "train.batch": 2,
    "train.epochs": 2,
    "train.steps_per_epoch": 3,
    "train.validate_every": 1,
    "train.log_every": 2,
    "train.warmup_steps": 1,
}


FIGURES = {"map": 0.5, "map_11point": 0.5, "map_50_95": 0.5, "seconds": 0.0}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder for runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """Let runs train a network that is made in a moment."""
    monkeypatch.setattr(setting_up, "build", small_network.build)


def test_a_run_leaves_everything_of_it_in_its_folder(store_root, folder):
    run = train("tiny", overrides=SMALL, name="first")
    files = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    assert {"config.yaml", "model.txt", "log.csv", "validation.csv", "curves.svg", "best.keras", "last.keras"} <= files
    assert {"snapshots/epoch-001.keras", "snapshots/epoch-002.keras"} <= files
    assert any(name.startswith("tensorboard/events") for name in files)
    with open(run.folder / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [2, 3, 4, 6]
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())
    assert float(rows[0]["loss"]) == pytest.approx(
        float(rows[0]["classification"]) + float(rows[0]["localisation"]), rel=1e-3
    )
    config = load_config(run.folder / "config.yaml")
    assert config.train.epochs == 2
    assert config.data.classes
    detector = multibox.load(run.model)
    assert detector.classes == config.data.classes
    assert detector.schema.training["train"]["epochs"] == 2
    assert 0 <= run.map <= 1


def test_a_run_starts_from_a_detector(store_root, folder, caplog):
    """Of the same classes: at a learning rate of next to nothing it is that detector still."""
    caplog.set_level("INFO")
    stores = [open_store("tiny/train")]
    first = set_up(complete(settings_of("tiny", "ssdlite-efficientnet", SMALL, "fail"), stores), stores)
    save_model(first.network, first.schema, folder / "first.keras")
    again = {**SMALL, "network.weights": "first.keras", "train.epochs": 1, "train.lr": 1e-12}
    second = train("tiny", overrides=again, name="second")
    (old, schema), (new, _) = load_model(folder / "first.keras"), load_model(second.model)
    layers = sum(bool(layer.weights) for layer in old.layers)
    told = f"starts from first.keras: {layers} layers taken over; known classes: {', '.join(schema.classes)}"
    assert told in [record.message for record in caplog.records]
    for a, b in zip(old.trainable_variables, new.trainable_variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def test_validation_data_without_a_class_of_the_run_are_refused_at_once(store_root, folder):
    write_store("other", "val", [], ("tree",))
    with pytest.raises(BadInput, match=r"other/val: none of its classes \(tree\) is a class of the model"):
        train(overrides={**SMALL, "data.train": ["tiny/train"], "data.val": ["other/val"]}, name="first")
    assert not (folder / "experiments").exists()


def test_a_run_is_never_overwritten(store_root, folder):
    (folder / "experiments" / "first").mkdir(parents=True)
    with pytest.raises(
        BadInput,
        match=r"experiments/first: exists, .*; continue it with multibox\.resume\('first'\)",
    ):
        train("tiny", overrides=SMALL, name="first")
    assert list((folder / "experiments" / "first").iterdir()) == []


def test_without_a_name_the_next_free_one_is_taken(folder):
    from multibox.training.experiment import new_experiment

    names = [new_experiment(None, "run").folder.name for _ in range(3)]
    assert names == ["run", "run-2", "run-3"]


def test_a_folder_of_images_is_built_and_trained_on(voc_folder, folder, quick, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(folder / "data"))
    run = train(str(voc_folder), overrides=SMALL | {"train.epochs": 1})
    assert run.model.is_file()
    built = open_store(f"{voc_folder.name}/train").meta.built
    assert find_data(f"{voc_folder}/", "fail")["data.train"] == [f"{voc_folder.name}/train"]
    assert open_store(f"{voc_folder.name}/train").meta.built == built, "it is not built again"


def test_data_that_is_not_there_is_refused_by_name(folder):
    with pytest.raises(BadInput, match=r"photos: no such folder, nor a dataset in"):
        train("photos", overrides=SMALL)
    with pytest.raises(BadInput, match=r"data.train: no data to train on; give data=FOLDER"):
        train(overrides=SMALL)
    assert not (folder / "experiments").exists()


def test_a_loss_that_is_not_finite_stops_the_run_and_names_step_and_images(store_root, folder, quick, monkeypatch):
    """The third batch is poisoned: the step is left out, and the run stops at the next look, after step 4."""
    whole = loop.training_batches

    class Poisoned:
        def __init__(self, *args, **kwargs):
            self.batches = whole(*args, **kwargs)
            self.given = 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.batches.close()

        def __next__(self):
            images, targets = next(self.batches)
            targets["boxes"] = targets["boxes"] * (np.nan if self.given == 2 else 1)
            targets["classes"] = np.maximum(targets["classes"], 0)
            targets["classes"][:, 0] = 1
            self.given += 1
            return images, targets

        def check(self):
            self.batches.check()

        def record_ids(self, step):
            return self.batches.record_ids(step)

    monkeypatch.setattr(loop, "training_batches", Poisoned)
    with pytest.raises(
        RunFailed, match=r"^step 3: the loss or a gradient is not finite; .*\(tiny/train/\w+, tiny/train/\w+\)"
    ):
        train("tiny", overrides=SMALL | {"train.steps_per_epoch": 8}, name="poisoned")
    with open(folder / "experiments" / "poisoned" / "log.csv") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2"]


def test_training_lowers_the_loss(store_root, folder):
    as_they_are = {"augment.expand.probability": 0, "augment.crop.probability": 0, "augment.distort.probability": 0}
    length = {"train.steps_per_epoch": 60, "train.epochs": 1, "train.log_every": 10, "train.lr": 2e-3}
    run = train("tiny", overrides=SMALL | as_they_are | length | {"train.trunk_lr": 1}, name="x")
    with open(run.folder / "log.csv") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < 0.6 * losses[0]


def test_in_bfloat16_layers_compute_in_it_and_the_loss_does_not(store_root, folder):
    run = train("tiny", overrides={**SMALL, "train.epochs": 1, "train.precision": "mixed_bfloat16"})
    settings = load_config(run.folder / "config.yaml")
    stores = [open_store("tiny/train")]
    network = set_up(settings, stores).network
    assert network.get_layer("stem_conv").compute_dtype == "bfloat16"
    assert network.get_layer("stem_conv").kernel.dtype == "float32"
    assert {output.dtype for output in network.output.values()} == {"float32"}
    in_float32 = settings.model_copy(update={"train": settings.train.model_copy(update={"precision": "float32"})})
    assert set_up(in_float32, stores).network.compute_dtype == "float32"
    with open(run.folder / "log.csv") as file:
        assert all(math.isfinite(float(row["loss"])) for row in csv.DictReader(file))
    saved, _ = load_model(run.model)
    assert saved.get_layer("stem_conv").compute_dtype == "float32"


def test_a_run_without_progress_ends_early(store_root, folder, quick, monkeypatch):
    monkeypatch.setattr(validate, "evaluate", lambda *args, **kwargs: SimpleNamespace(to_json=lambda: FIGURES))
    run = train("tiny", overrides={**SMALL, "train.epochs": 9, "train.patience": 2}, name="early")
    with open(run.folder / "validation.csv") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2", "3"]
    assert resume("early").map == run.map == 0.5  # it is over


def test_validation_data_without_objects_give_no_figure_anywhere(store_root, folder, quick, caplog):
    """The best model is the last one, and patience does not count validations that measure nothing."""
    caplog.set_level("INFO")
    without_objects = replace(open_store("tiny/val")[0], objects=make_objects([], []))
    write_store("empty", "val", [without_objects], ("ball",))
    settings = SMALL | {"data.val": ["empty/val"], "train.epochs": 3, "train.patience": 1}
    run = train("tiny", overrides=settings, name="first")
    assert run.map is None
    assert [message for message in caplog.messages if "mAP" in message] == [
        "empty/val: there is no object, so no mAP is measured, train.patience does not end the run, and best.keras is "
        "the last model; annotate its images, or set data.val to a split with objects"
    ]
    with open(run.folder / "log.csv") as file:
        assert [row["epoch"] for row in csv.DictReader(file)][-1] == "3"
    names = "best", "last", "snapshots/epoch-001"
    best, last, first = (keras.saving.load_model(run.folder / f"{name}.keras").get_weights() for name in names)
    assert all((a == b).all() for a, b in zip(best, last, strict=True))
    assert any((a != b).any() for a, b in zip(best, first, strict=True))
    assert not (run.folder / "validation.csv").exists()
    assert "Validation" not in (run.folder / "curves.svg").read_text()
    assert "mAP" not in (run.folder / "report.html").read_text()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    assert [name for name in events.Tags()["scalars"] if not name.startswith("train/")] == []


def test_the_loss_is_divided_by_the_positives_of_the_whole_batch():
    """Twice the same image gives the loss of one; an image without objects beside it adds but its negatives."""
    config = load_config(overrides=SMALL | {"loss.min_negatives": 0})
    inputs = keras.Input((2, 2, 3))
    network = keras.Model(inputs, {"classes": inputs, "boxes": inputs}, name="network")
    model = TrainingModel(network, config.loss)
    rng = np.random.default_rng(0)
    logits, predicted = rng.normal(size=(1, 6, 3)).astype("f4"), rng.normal(size=(1, 6, 4)).astype("f4")
    labels, deltas = np.array([[1, 0, 2, 0, 0, -1]], "int32"), rng.normal(size=(1, 6, 4)).astype("f4")

    def loss(times, empty=0):
        def twice(array, filler):
            return np.concatenate([array] * times + [np.full_like(array, filler)] * empty)

        y = {"classes": twice(labels, 0), "boxes": twice(deltas, 0)}
        y_pred = {"classes": twice(logits, 0), "boxes": twice(predicted, 0)}
        return float(model.compute_loss(y=y, y_pred=y_pred))

    assert loss(2) == pytest.approx(loss(1), rel=1e-6)
    assert loss(1, empty=1) == pytest.approx(loss(1), rel=1e-6)


@pytest.mark.slow
@pytest.mark.long
def test_a_run_on_jax(store_root, folder):
    pytest.importorskip("jax")
    overrides = [f"{name}={value}" for name, value in (SMALL | {"train.steps_per_epoch": 2}).items()]
    command = [sys.executable, "-m", "multibox", "train", "--backend", "jax", "--data", "tiny", "--name", "jax"]
    subprocess.run([*command, *overrides], check=True)
    run = folder / "experiments" / "jax"
    with open(run / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [2, 4]
    assert float(rows[1]["lr"]) < float(rows[0]["lr"]), "the optimizer's step comes back from the compiled step"
    first, last = (load_model(run / "snapshots" / f"epoch-00{i}.keras")[0].get_weights() for i in (1, 2))
    assert any((a != b).any() for a, b in zip(first, last, strict=True)), "so do the weights"


@pytest.mark.slow
def test_ctrl_c_ends_a_run_without_a_traceback(store_root, folder):
    overrides = [f"{name}={value}" for name, value in (SMALL | {"train.epochs": 500}).items()]
    command = [sys.executable, "-m", "multibox", "train", "--data", "tiny", "--name", "long", *overrides]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("epoch 2"):
            process.send_signal(signal.SIGINT)
            break
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGINT
    assert "; continue with multibox train --resume long" in error.splitlines()[-1]
    assert "Traceback" not in error


def test_images_that_lie_in_the_folder_of_the_stores_are_never_taken_for_stores(voc_folder, folder, monkeypatch):
    """``data/photos`` is where many people keep their images, and where the dataset ``photos`` would be built."""
    monkeypatch.setenv("MULTIBOX_DATA", str(folder / "data"))
    photos = folder / "data" / "photos"
    shutil.copytree(voc_folder, photos)
    for _ in range(2):
        assert find_data(str(photos), "fail")["data.train"] == ["photos-stores/train"]
    with pytest.raises(BadInput, match=r"photos: is not empty, and holds no dataset of Multibox"):
        build([photos], "photos", replace=True)
    assert len(list((photos / "JPEGImages").iterdir())) == 8


@pytest.mark.parametrize(("overrides", "judge"), [({}, "tiny/val"), ({"data.val": ["tiny/test"]}, "tiny/test")])
def test_the_data_of_the_command_line_take_the_place_of_a_presets(overrides, judge, store_root):
    """And what is named field by field takes the place of both."""
    data = settings_of("tiny", "ssd300-vgg16-voc07", overrides, "fail").data
    assert (data.train, data.val) == (("tiny/train",), (judge,))


def test_images_that_changed_are_built_again(voc_folder, folder, monkeypatch):
    reports = []
    monkeypatch.setenv("MULTIBOX_DATA", str(folder / "stores"))
    photos = folder / "my photos"
    shutil.copytree(voc_folder, photos)
    assert find_data("my photos/", "fail", on_build=reports.append)["data.train"] == ["my-photos/train"]
    first = open_store("my-photos/train").meta
    assert reports[0].problems == ()
    picture = photos / "JPEGImages" / "000000.jpg"
    picture.write_bytes(picture.read_bytes()[:-200])
    os.utime(picture, (time.time() + 5, time.time() + 5))
    with pytest.raises(BadInput, match=r"000000.jpg: is cut off"):
        find_data("my photos", "fail")
    assert open_store("my-photos/train").meta == first, "a build that fails leaves the old stores"
    find_data("my photos", "skip", on_build=reports.append)
    assert len(reports) == 2, "the build that failed reported nothing"
    assert "000000.jpg: is cut off" in str(reports[1].problems[0])
    assert len(open_store("my-photos/train")) == 3


def test_a_folder_with_the_name_of_another_dataset_is_refused(store_root, voc_folder, folder):
    shutil.copytree(voc_folder, folder / "tiny")
    with pytest.raises(
        BadInput, match=r"tiny: a dataset tiny exists, built from .*toys; to train on that dataset, set data.train"
    ):
        find_data("tiny", "fail")


def test_a_mistyped_folder_is_not_taken_for_the_dataset_of_its_last_name(store_root, folder):
    with pytest.raises(BadInput, match=r"photos/tiny: no such folder, nor a dataset in"):
        find_data("photos/tiny", "fail")
    assert find_data("tiny/", "fail")["data.train"] == ["tiny/train"]
