"""Kill a training run again and again at random moments, and see whether it ends bit for bit as one that was not.

python benchmarks/kills.py [--kills 50] [--seed 0] [--folder kills]

A third of the kills fall into the writing of a checkpoint. Both runs train SSDLite-EfficientNet at 128 x 128 on the
rendered sample, with averaged weights, and validate after every epoch.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

OVERRIDES = [
    "data.train=[sample/train]",
    "data.val=[sample/val]",
    "network.size=[128,128]",
    "network.weights=none",
    "network.batch_norm=trained",
    "train.batch=4",
    "train.epochs=6",
    "train.steps_per_epoch=20",
    "train.validate_every=1",
    "train.ema=0.9",
    "train.checkpoint_every=2",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("kills"))
    options = parser.parse_args()
    options.folder.mkdir()
    os.chdir(options.folder)
    os.environ["MULTIBOX_DATA"] = "data"
    multibox("data", "sample", "sample", "--images", "120")
    multibox("data", "build", "sample", "--name", "sample")
    began = time.monotonic()
    multibox("train", "--name", "whole", *OVERRIDES)
    usual = time.monotonic() - began
    kills, inside, seconds = kill_and_resume(options.kills, random.Random(options.seed), usual / 4)
    same, count = compare("whole", "killed")
    figures = {"kills": kills, "inside_a_write": inside, "seconds": round(seconds), "arrays": count, "identical": same}
    print(json.dumps(figures))
    sys.exit(same != count)


def multibox(*arguments):
    subprocess.run([sys.executable, "-m", "multibox", *arguments], check=True, stdout=subprocess.DEVNULL)


def kill_and_resume(kills, rng, longest):
    """Start or go on, kill after at most ``longest`` seconds or in a write, and so on; then let the run end."""
    began, inside, killed = time.monotonic(), 0, Path("experiments/killed")
    for i in range(kills):
        process = start(killed)
        in_a_write = i % 3 == 0
        seconds = 20 * longest if in_a_write else rng.uniform(0, longest)
        inside += wait(process, killed / "checkpoints", seconds, in_a_write)
        if process.poll() is not None:
            return i, inside, time.monotonic() - began  # It ended before it could be killed.
        process.send_signal(signal.SIGKILL)
        process.wait()
    if start(killed).wait():
        sys.exit("the last resume failed")
    return kills, inside, time.monotonic() - began


def start(killed):
    begun = (killed / "config.yaml").is_file()
    if not begun:
        shutil.rmtree(killed, ignore_errors=True)
    arguments = ["--resume", "killed"] if begun else ["--name", "killed", *OVERRIDES]
    command = [sys.executable, "-m", "multibox", "train", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait(process, checkpoints, seconds, in_a_write):
    """Wait for so long, or until the run writes a checkpoint if ``in_a_write``; whether it is in a write now."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if in_a_write and any(checkpoints.glob(".step-*")):
            return True
        time.sleep(0.0005)
    return False


def compare(*names):
    """How many arrays of the last checkpoints are the same to the bit, and how many there are."""
    from multibox.training.checkpoint import Checkpoints

    ends = [Checkpoints(Path("experiments") / name / "checkpoints").latest().arrays for name in names]
    assert ends[0].keys() == ends[1].keys()
    return sum(np.array_equal(array, ends[1][key]) for key, array in ends[0].items()), len(ends[0])


if __name__ == "__main__":
    main()
