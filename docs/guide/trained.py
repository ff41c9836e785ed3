"""The detector of chapters 7 to 11, trained while the guide is built, with the commands that chapter 9 shows."""

import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np

from multibox import load
from multibox.config import Config
from multibox.config_file import load_config
from multibox.data.store import Store
from multibox.detect.detector import Detector

FOLDER = Path(os.environ.get("MULTIBOX_GUIDE", Path(__file__).parents[1] / "_build" / "guide"))
"""Folder of the run. If the run is not there, it is trained."""

COMMANDS = (
    "multibox data sample things --images 600 --seed 7",
    "multibox data build things --name things",
    "multibox train --data things --name guide network.weights=imagenet network.size=[160,160] network.freeze=block3b "
    "match.iou=0.4 augment.expand.probability=0.2 train.epochs=6 train.lr=2e-3 train.trunk_lr=0.5 "
    "train.validate_every=2 data.workers=0",
)
EPOCHS = (2, 4, 6)
RUN = FOLDER / "experiments" / "guide"


@cache
def run() -> Path:
    """The folder of the finished run."""
    if not (RUN / "report.html").is_file() or not (RUN / "snapshots" / f"epoch-{EPOCHS[-1]:03}.keras").is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "MULTIBOX_DATA": str(FOLDER / "data")}
        for i, command in enumerate(COMMANDS):
            began = time.monotonic()
            program = [sys.executable, "-m", *command.split()]
            done = subprocess.run(program, cwd=FOLDER, env=environment, text=True, capture_output=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{command}: {done.stderr.strip()}; remove {FOLDER} and build again")
            (FOLDER / f"{i}.txt").write_text(done.stdout + done.stderr, "utf-8")
            (FOLDER / f"{i}.seconds").write_text(f"{time.monotonic() - began:.0f}", "utf-8")
    return RUN


@cache
def detector(epoch: int = EPOCHS[-1]) -> Detector:
    """The detector after an epoch."""
    return load(run() / "snapshots" / f"epoch-{epoch:03}.keras")


@cache
def config() -> Config:
    """The configuration of the run."""
    return load_config(run() / "config.yaml")


def split(name: str) -> Store:
    """A split of the run's data."""
    run()
    return Store(FOLDER / "data" / "things" / f"{name}.lmdb")


@cache
def outputs(epoch: int = EPOCHS[-1]) -> tuple[np.ndarray, np.ndarray]:
    """The network's outputs for the photo: logits ``(P, C + 1)`` and deltas ``(P, 4)``."""
    from photo import PHOTO

    judge = detector(epoch)
    found = judge.run([judge.prepare(PHOTO)])[0][0]
    return found["classes"], found["boxes"]


@cache
def fresh_outputs() -> tuple[np.ndarray, np.ndarray]:
    """The same outputs before training, of an ImageNet trunk with fresh heads."""
    import keras
    from photo import PHOTO

    from multibox.importers.pretrained import load_pretrained
    from multibox.models.ssd import build

    keras.utils.set_random_seed(0)
    network = build(config().network, len(config().data.classes), config().priors)
    load_pretrained(network, config().network)
    said = network(detector().prepare(PHOTO).inputs, training=False)
    return np.asarray(said["classes"])[0], np.asarray(said["boxes"])[0]
