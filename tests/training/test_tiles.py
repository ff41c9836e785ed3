"""A run on tiles, from its start to the model that remembers their size."""

import logging
import shutil

import cv2
import numpy as np
import pytest

from multibox.config_file import load_config
from multibox.data.record import Record, make_objects
from multibox.data.store import open_store
from multibox.data.store_writer import write_store
from multibox.models.file import read_schema
from multibox.prepare import pipeline
from multibox.prepare.pipeline import count_examples
from multibox.training.checkpoint import Checkpoints
from multibox.training.experiment import Experiment
from multibox.training.train import resume, train
from training import small_network

pytestmark = pytest.mark.slow

SMALL = {
    "data.train": ["large/train"],
    "data.val": ["judged/val"],
    "data.tiles": "auto",
    "network.size": [128, 128],
    "network.weights": "none",
    "network.batch_norm": "trained",
    "train.batch": 4,
    "train.epochs": 2,
    "train.log_every": 2,
    "train.warmup_steps": 1,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with stores of large images with small objects."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    monkeypatch.setattr("multibox.training.setup.build", small_network.build)
    rng = np.random.default_rng(0)
    for name, split, count in (("large", "train", 2), ("judged", "val", 1)):
        records = []
        for number in range(count):
            corner = rng.integers(0, (570, 370), (12, 2))
            image = cv2.imencode(".jpg", rng.integers(0, 255, (400, 600, 3)).astype(np.uint8))[1].tobytes()
            boxes = np.concatenate([corner, corner + 15], axis=1)
            records.append(Record(f"{split}{number}", image, 600, 400, make_objects(boxes, [0] * 12)))
        write_store(name, split, records, ["dot"])
    return tmp_path


def test_a_run_chooses_tiles_once_counts_them_in_its_epochs_and_its_model_remembers_them(folder, caplog):
    caplog.set_level(logging.INFO, logger="multibox")
    run = train(overrides=SMALL, name="first")
    tiles = load_config(run.folder / "config.yaml").data.tiles
    assert tiles == 224
    assert f"data.tiles=auto: tiles of {tiles} pixels" in caplog.text
    assert read_schema(run.model).tiles == tiles
    config = load_config(run.folder / "config.yaml")
    examples = count_examples([open_store("large/train")], ["dot"], config)
    assert 8 < examples <= 2 * (3 * 3 + 1)
    assert Checkpoints(run.folder / "checkpoints").latest().state.step == 2 * (examples // 4)


def test_a_run_finds_its_tiles_once(folder, monkeypatch):
    """It takes half a minute for 20,000 images."""
    found = []
    tiled = pipeline.TiledRecords
    monkeypatch.setattr(pipeline, "TiledRecords", lambda *given: found.append(given) or tiled(*given))
    train(overrides={**SMALL, "train.epochs": 1}, name="first")
    assert len(found) == 1


def test_a_resumed_run_ends_as_one_that_was_not_stopped(folder):
    whole = train(overrides={**SMALL, "train.keep": 99}, name="whole")
    ends = []
    for name in ("whole", "cut"):
        experiment = Experiment(folder / "experiments" / name)
        if name == "cut":
            shutil.copytree(whole.folder, experiment.folder)
            *_, last = sorted(experiment.checkpoints.iterdir())
            last.unlink()
            resume("cut")
        ends.append(Checkpoints(experiment.checkpoints).latest())
    assert ends[0].state.step == ends[1].state.step
    assert all(np.array_equal(array, ends[1].arrays[key]) for key, array in ends[0].arrays.items())
