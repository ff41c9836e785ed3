"""Train on two devices with an input that grows, then go on from step 4 as if the run had been stopped there."""

import shutil
from pathlib import Path

from multibox.models.backend import import_keras

import_keras(devices=2)

import small_network  # noqa: E402

from multibox.training import setup  # noqa: E402
from multibox.training.train import resume, train  # noqa: E402

RUN = {
    "data.train": ["tiny/train"],
    "data.val": ["tiny/val"],
    "data.workers": 0,
    "network.size": [192, 192],
    "train.small_size": 0.7,
    "train.small_until": 0.8,
    "network.weights": "none",
    "network.batch_norm": "trained",
    "train.devices": 2,
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


def main():
    setup.build = small_network.build
    whole = train(name="whole", overrides=RUN).folder
    shutil.copytree(whole, "experiments/cut")
    for path in Path("experiments/cut/checkpoints").iterdir():
        if int(path.stem.removeprefix("step-")) > 4:
            path.unlink()
    resume("cut")


main()
