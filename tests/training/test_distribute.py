"""Two devices that share a batch make the step of one."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.config import Config, Network
from multibox.data.store import open_store
from multibox.models.backend import import_keras
from multibox.models.file import save_model
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build
from multibox.prepare.pipeline import training_batches
from multibox.training.checkpoint import Checkpoints

pytestmark = pytest.mark.slow

STEPS, BATCH = 10, 8
RATE = 1e-4
"""Of learning, low enough for the mining not to swap negatives whose losses are equal but for rounding."""


@pytest.fixture
def files(store_root, tmp_path):
    """A model file, and ten batches whose halves hold different numbers of objects."""
    network = Network(size=(128, 128), weights="none", batch_norm="trained")
    config = Config(network=network, train=Config().train.model_copy(update={"batch": BATCH}))
    store = open_store("tiny/train")
    classes = store.meta.classes
    schema = Schema(network=network, maps=feature_maps(network), classes=classes, priors=config.priors)
    save_model(build(network, len(classes), config.priors), schema, tmp_path / "model.keras")
    with training_batches([store], classes, schema.make_priors(), config) as batches:
        stored = [next(batches) for _ in range(STEPS)]
    positives = np.array([[(half > 0).sum() for half in np.split(targets["classes"], 2)] for _, targets in stored])
    assert (positives[:, 0] != positives[:, 1]).any()
    np.savez(
        tmp_path / "batches.npz",
        images=np.stack([images for images, _ in stored]),
        classes=np.stack([targets["classes"] for _, targets in stored]),
        boxes=np.stack([targets["boxes"] for _, targets in stored]),
    )
    return tmp_path


def steps(files, backend, devices, *, norms_trained=(), batches="batches.npz", **train):
    """Make the stored steps in a process of its own; what the variables then are, and what was told."""
    pytest.importorskip(backend)
    script = Path(__file__).with_name("devices_steps.py")
    flags = f"--xla_force_host_platform_device_count={devices}"
    environment = {**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": flags}
    options = {"devices": devices, "norms_trained": norms_trained, "train": {"lr": RATE, **train}}
    out = files / f"{backend}-{devices}.npz"
    paths = map(str, (script, files / "model.keras", files / batches, out))
    subprocess.run([sys.executable, *paths, json.dumps(options)], env=environment, check=True)
    return dict(np.load(out))


def named(arrays, end):
    return next(array for name, array in arrays.items() if name.endswith(end))


def assert_same(one, two, tolerance):
    assert one.keys() == two.keys()
    for name, array in one.items():
        scale = 1 + abs(array) if name.startswith("log/") else 1
        assert np.max(abs(two[name] - array) / scale, initial=0) <= tolerance, name


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_weights_and_the_logs_are_those_of_one_device(files, backend):
    one, two = (steps(files, backend, devices) for devices in (1, 2))
    classes = np.load(files / "batches.npz")["classes"]
    assert named(one, "log/positives") == pytest.approx((classes > 0).sum() / (STEPS * BATCH), rel=1e-5)
    assert_same(one, two, 1e-5)


def test_gradients_are_clipped_together(files):
    """To so little that each device's own would be cut as well, and to another length than their sum."""
    one, two = (steps(files, "tensorflow", devices, clip_norm=0.1, lr=0.01) for devices in (1, 2))
    assert_same(one, two, 1e-5)


def test_batch_normalisation_sees_the_whole_batch(files):
    """Of a few layers, as a fresh network makes of the rounding in all of them another gradient altogether."""
    norms = ("stem_bn", "block3a_dwbn", "c4_head_classes_dwbn")
    one, two = (steps(files, "tensorflow", devices, norms_trained=norms) for devices in (1, 2))
    assert_same(one, two, 1e-4)


def test_what_is_not_finite_on_one_device_is_left_out_by_all(files):
    """The images are whole numbers, so it is the target of one object in the second half that is not finite."""
    stored = dict(np.load(files / "batches.npz"))
    step = 3
    stored["classes"][step, -1, 0] = 1
    stored["boxes"][step, -1, 0] = np.nan
    np.savez(files / "poisoned.npz", **stored)
    one, two = (steps(files, "tensorflow", devices, batches="poisoned.npz") for devices in (1, 2))
    assert named(two, "first_skipped") == step
    weights = [{name: array for name, array in end.items() if "log/" not in name} for end in (one, two)]
    assert all(np.isfinite(array).all() for array in weights[1].values())
    assert_same(*weights, 1e-5)


RUN = {
    "data.train": "[tiny/train]",
    "data.val": "[tiny/val]",
    "network.size": "[128,128]",
    "network.weights": "none",
    "network.batch_norm": "trained",
    "train.batch": 4,
    "train.epochs": 2,
    "train.steps_per_epoch": 3,
    "train.validate_every": 1,
    "train.log_every": 1,
    "train.clip_norm": 10,
    "train.ema": 0.9,
    "train.checkpoint_every": 1,
    "train.keep": 99,
}


def command(*arguments):
    subprocess.run([sys.executable, "-m", "multibox", "train", *arguments], check=True)


def test_a_run_on_two_devices_goes_on_after_it_was_stopped(store_root, tmp_path, monkeypatch):
    """Validated once an epoch, on as many images as there are; its model opens as any other does."""
    monkeypatch.chdir(tmp_path)
    command("--devices", "2", "--name", "whole", *[f"{name}={value}" for name, value in RUN.items()])
    whole, cut = (tmp_path / "experiments" / name for name in ("whole", "cut"))
    shutil.copytree(whole, cut)
    for path in (cut / "checkpoints").iterdir():
        if int(path.stem.removeprefix("step-")) > 4:
            path.unlink()
    command("--resume", "cut")
    ends = [Checkpoints(folder / "checkpoints").latest() for folder in (whole, cut)]
    assert [end.state.step for end in ends] == [6, 6]
    assert ends[0].arrays.keys() == ends[1].arrays.keys()
    for name, array in ends[0].arrays.items():
        np.testing.assert_allclose(ends[1].arrays[name], array, rtol=0, atol=1e-6, err_msg=name)
    assert len((cut / "validation.csv").read_text().splitlines()) == 3
    with zipfile.ZipFile(whole / "best.keras") as archive:
        assert b'"synchronized": true' not in archive.read("config.json")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (["train.devices=2", "train.batch=3"], "train.batch: 3 images cannot be shared by 2 devices; choose a multi"),
        (["train.devices=4", "train.batch=4"], "train.devices: there are not 4 devices but "),
    ],
)
def test_devices_that_cannot_be_had_are_refused(store_root, tmp_path, monkeypatch, fields, message):
    """TensorFlow runs in this process already, so that its CPU cannot be split any more."""
    monkeypatch.chdir(tmp_path)
    import_keras()
    result = CliRunner().invoke(
        main, ["train", "--data", "tiny", "network.weights=none", "network.batch_norm=trained", *fields]
    )
    assert result.exit_code == 2
    assert result.stderr.startswith(f"multibox: {message}")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "experiments").exists()
