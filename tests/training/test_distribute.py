"""Two devices that share a batch make the step of one."""

import json
import os
import subprocess
import sys
import zipfile
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.config import Config, Network
from multibox.data.build import build
from multibox.data.store import open_store
from multibox.models.backend import import_keras
from multibox.models.maps import network_priors
from multibox.prepare.pipeline import training_batches
from multibox.training.checkpoint import Checkpoints

pytestmark = pytest.mark.slow

STEPS, BATCH = 10, 8
RATE = 0.01

PLANS = {
    "tensorflow": {
        "plain": {"lr": RATE},
        "clipped": {"lr": 0.01, "clip_norm": 0.1},
        "norm": {"lr": 0.1 * RATE, "norm_trained": True},
        "poisoned": {"lr": RATE, "poison": 3},
    },
    "jax": {"plain": {"lr": RATE}},
}
PLANS["torch"] = PLANS["tensorflow"]

SINGLE = [sys.executable]
PAIR = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
SEVERAL = pytest.mark.parametrize("backend", ["tensorflow", "torch"])


@pytest.fixture(scope="module")
def batches_file(voc_folder, tmp_path_factory):
    """Ten batches whose halves hold different numbers of objects."""
    folder = tmp_path_factory.mktemp("batches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTIBOX_DATA", str(folder))
        build([voc_folder], "tiny")
        network = Network(size=(128, 128), weights="none", batch_norm="trained")
        config = Config(network=network, train=Config().train.model_copy(update={"batch": BATCH}))
        store = open_store("tiny/train")
        priors_rel = network_priors(network, config.priors)
        with training_batches([store], store.meta.classes, priors_rel, config) as batches:
            stored = [next(batches) for _ in range(STEPS)]
    positives = np.array([[(half > 0).sum() for half in np.split(targets["classes"], 2)] for _, targets in stored])
    assert (positives[:, 0] != positives[:, 1]).any()
    np.savez(
        folder / "batches.npz",
        images=np.stack([images for images, _ in stored]),
        classes=np.stack([targets["classes"] for _, targets in stored]),
        boxes=np.stack([targets["boxes"] for _, targets in stored]),
    )
    return folder / "batches.npz"


@pytest.fixture(scope="module")
def ends(batches_file):
    """What the variables are after the stored steps, and what was told: by backend, by plan, of one device and of two.

    A process of each backend makes all of its plans.
    """

    @cache
    def of(backend):
        pytest.importorskip(backend)
        found = defaultdict(lambda: {1: {}, 2: {}})
        for command in (SINGLE, PAIR) if backend == "torch" else (SINGLE,):
            out = batches_file.with_name(f"{backend}-{len(command)}.npz")
            script = str(Path(__file__).with_name("devices_steps.py"))
            arguments = [script, str(batches_file), str(out), json.dumps(PLANS[backend])]
            subprocess.run([*command, *arguments], env={**os.environ, "KERAS_BACKEND": backend}, check=True)
            for name, array in np.load(out).items():
                plan, devices, key = name.split("/", 2)
                found[plan][int(devices)][key] = array
        return found

    return of


def named(arrays, end):
    return next(array for name, array in arrays.items() if name.endswith(end))


def assert_same(one, two, tolerance):
    assert one.keys() == two.keys()
    for name, array in one.items():
        scale = 1 + abs(array) if name.startswith("log/") else 1
        assert np.max(abs(two[name] - array) / scale, initial=0) <= tolerance, name


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_the_weights_and_the_logs_are_those_of_one_device(batches_file, ends, backend):
    plain = ends(backend)["plain"]
    classes = np.load(batches_file)["classes"]
    assert named(plain[1], "log/positives") == pytest.approx((classes > 0).sum() / (STEPS * BATCH), rel=1e-5)
    assert_same(plain[1], plain[2], 1e-5)


@SEVERAL
def test_gradients_are_clipped_together(ends, backend):
    """To so little that each device's own would be cut as well, and to another length than their sum."""
    clipped = ends(backend)["clipped"]
    assert_same(clipped[1], clipped[2], 1e-5)


@SEVERAL
def test_batch_normalisation_sees_the_whole_batch(ends, backend):
    trained = ends(backend)["norm"]
    assert abs(named(trained[1], "norm/moving_mean")).max() > 0.01
    assert_same(trained[1], trained[2], 1e-5)


@SEVERAL
def test_what_is_not_finite_on_one_device_is_left_out_by_all(ends, backend):
    """The images are whole numbers, so it is the target of one object in the second half that is not finite."""
    poisoned = ends(backend)["poisoned"]
    assert named(poisoned[2], "first_skipped") == 3
    weights = [{k: array for k, array in poisoned[devices].items() if "log/" not in k} for devices in (1, 2)]
    assert all(np.isfinite(array).all() for array in weights[1].values())
    assert_same(*weights, 1e-5)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_run_on_two_devices_goes_on_after_it_was_stopped(store_root, tmp_path, backend):
    """Validated once an epoch, on as many images as there are; its model opens as any other does."""
    pytest.importorskip(backend)
    script = str(Path(__file__).with_name("devices_run.py"))
    environment = {**os.environ, "KERAS_BACKEND": backend}
    subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, check=True)
    whole, cut = (tmp_path / "experiments" / name for name in ("whole", "cut"))
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
        (
            ["train.devices=2", "train.batch=3"],
            "train.batch: 3 images cannot be split evenly over 2 devices; choose a multi",
        ),
        (["train.devices=4", "train.batch=4"], "train.devices: needs 4 devices, but this machine has "),
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
