"""A run that is killed goes on, and ends bit for bit as one that never was."""

import gc
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.config_file import load_config, to_yaml
from multibox.data.build import build
from multibox.errors import BadInput, Stopped
from multibox.training import loop
from multibox.training.checkpoint import Checkpoints, State
from multibox.training.clock import Segment
from multibox.training.experiment import Experiment
from multibox.training.setup import Setup
from multibox.training.trackers import Trackers
from multibox.training.train import resume, train
from training import small_network

SMALL = {
    "data.train": ["tiny/train"],
    "data.val": ["tiny/val"],
    "network.size": [192, 192],
    "network.weights": "none",
    "network.batch_norm": "trained",
    "train.batch": 2,
    "train.epochs": 2,
    "train.steps_per_epoch": 6,
    "train.small_size": 0.7,
    "train.small_until": 0.6,
    "train.validate_every": 1,
    "train.log_every": 2,
    "train.ema": 0.9,
    "train.checkpoint_every": 1,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory, voc_folder):
    """A working folder with stores, and a run that nothing interrupted, with all of its checkpoints."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MULTIBOX_DATA", str(folder / "stores"))
        patch.setattr("multibox.training.setup.build", small_network.build)
        build([voc_folder], "tiny")
        train(overrides={**SMALL, "train.keep": 99}, name="whole")
    return folder


@pytest.fixture
def folder(world, monkeypatch):
    monkeypatch.chdir(world)
    monkeypatch.setenv("MULTIBOX_DATA", str(world / "stores"))
    monkeypatch.setattr("multibox.training.setup.build", small_network.build)
    return world


def copy_until(folder, name, step):
    """The uninterrupted run as it was after a step."""
    cut = folder / "experiments" / name
    shutil.copytree(folder / "experiments" / "whole", cut)
    for path in (cut / "checkpoints").iterdir():
        if int(path.stem.removeprefix("step-")) > step:
            path.unlink()
    return cut


def assert_same_end(folder, name, other):
    ends = [Checkpoints(folder / "experiments" / run / "checkpoints").latest() for run in (name, other)]
    assert ends[0].state == ends[1].state
    assert ends[0].arrays.keys() == ends[1].arrays.keys()
    different = [key for key, array in ends[0].arrays.items() if not np.array_equal(array, ends[1].arrays[key])]
    assert different == []


def rows(folder, name, table):
    return (folder / "experiments" / name / table).read_text().splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("step", [4, 6, 8])
def test_from_a_checkpoint_it_ends_the_same(step, folder):
    """Step 4 of 12 is within an epoch, 6 at the end of one that was judged already, 8 in the next.

    The input is small up to step 7.
    """
    copy_until(folder, f"cut-{step}", step)
    run = resume(f"cut-{step}")
    assert_same_end(folder, "whole", f"cut-{step}")
    assert run.map == resume("whole").map  # which is over, so nothing is done
    steps = [int(row.split(",")[0]) for row in rows(folder, f"cut-{step}", "log.csv")[1:]]
    assert steps == [2, 4, 6, 8, 10, 12]
    epochs = [row.split(",")[:4] for row in rows(folder, f"cut-{step}", "validation.csv")]
    assert epochs == [row.split(",")[:4] for row in rows(folder, "whole", "validation.csv")]


@pytest.mark.slow
def test_a_damaged_checkpoint_is_passed_over(folder, caplog):
    newest = sorted((copy_until(folder, "hurt", 11) / "checkpoints").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:5000])
    resume("hurt")
    assert f"{newest.name}: damaged" in caplog.text
    assert_same_end(folder, "whole", "hurt")


@pytest.mark.slow
def test_other_data_is_refused(folder, voc_folder, monkeypatch):
    copy_until(folder, "elsewhere", 6)
    other = folder / "other"
    shutil.copytree(voc_folder, other)
    (other / "ImageSets" / "Main" / "train.txt").write_text("000000\n000001\n")
    monkeypatch.setenv("MULTIBOX_DATA", str(folder / "other stores"))
    build([other], "tiny")
    with pytest.raises(BadInput, match=r"the data has changed since the run began \(tiny/train, tiny/val\)"):
        resume("elsewhere")


def test_a_run_that_gives_up_after_a_resumed_epoch_ends_there(monkeypatch, tmp_path):
    """The rest of an epoch is a segment of its own: what it decides holds for the others."""
    setup, made = fake_setup(epochs=6, patience=1), []

    def fit_segment(setup, model, segment, clock, after, board, table):
        made.append(segment)
        clock.step += segment.steps * (segment.until - segment.epoch)
        after[0].stale = 1

    monkeypatch.setattr(loop, "fit_segment", fit_segment)
    loop.run(setup, Experiment(tmp_path), State(step=9))
    assert made == [Segment(1, 2, 3)]


class Iterator:
    """Stands for TensorFlow's iterator, which warns if it ends after Python. A cycle refers to it."""

    def __init__(self):
        self.itself = self


def test_trackers_hear_that_a_run_was_stopped_and_its_iterators_end_before_it_is_said(monkeypatch, tmp_path):
    closed, iterators = [], []
    tracker = SimpleNamespace(close=lambda failed=False: closed.append(failed))

    def fit_segment(setup, model, segment, clock, after, board, table):
        iterator = Iterator()
        iterators.append(weakref.ref(iterator))
        clock.step += 1
        signal.getsignal(signal.SIGTERM)(signal.SIGTERM, None)  # a real one would end the test runner if not handled
        after[-1].look()

    monkeypatch.setattr(loop, "fit_segment", fit_segment)
    monkeypatch.setattr(loop, "open_trackers", lambda *_: Trackers({"recorder": lambda: tracker}))
    monkeypatch.setattr(gc, "collect", partial(gc.collect, 0))  # what is young, and nothing that other tests left
    with pytest.raises(Stopped, match=r"^stopped after step 10 of 36; continue with multibox\.resume") as stopped:
        loop.run(fake_setup(epochs=6, patience=1), Experiment(tmp_path), State(step=9))
    assert (closed, stopped.value.signal) == ([True], signal.SIGTERM)
    assert iterators[0]() is None
    assert Checkpoints(tmp_path / "checkpoints").latest().state.step == 10


def fake_setup(epochs, patience):
    config = load_config(overrides={**SMALL, "train.small_size": 1, "train.epochs": epochs, "train.patience": patience})
    model = SimpleNamespace(optimizer=SimpleNamespace(variables=[]))
    network, steps = SimpleNamespace(variables=[]), config.train.steps_per_epoch
    return Setup(config, (), (), None, network, model, steps, None, None, ("cat",))


def test_two_processes_cannot_be_at_one_run(tmp_path):
    experiment = Experiment(tmp_path)
    with (
        experiment.locked(),
        pytest.raises(BadInput, match="another process is training this run"),
        experiment.locked(),
    ):
        pass
    with experiment.locked():
        pass


def test_a_run_that_another_process_is_at_is_not_even_read(tmp_path, monkeypatch):
    """What that process writes at its end would be taken back otherwise."""
    monkeypatch.chdir(tmp_path)
    experiment = Experiment(tmp_path / "experiments" / "busy")
    experiment.folder.mkdir(parents=True)
    experiment.config.write_text(to_yaml(load_config()))
    monkeypatch.setattr(Checkpoints, "latest", lambda self: pytest.fail("it was read"))
    with experiment.locked(), pytest.raises(BadInput, match="another process is training this run"):
        resume("busy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume", "nothing"], "resume: nothing: no such run in"),
        (["--resume", "nothing", "--name", "x", "--data", "y"], "leave out --data, --name"),
        (["--resume", "nothing", "train.epochs=9"], "resume: nothing: no such run in"),
        (["--resume", "nothing", "--devices", "2"], "leave out --devices, or start a new run from the weights of"),
        (["--resume", ""], "no such run in"),
    ],
)
def test_what_cannot_be_resumed_is_said_in_one_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["train", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@dataclass(frozen=True)
class Program:
    """What trains in a process of its own, how, and which run of it nothing interrupted."""

    words: tuple[str, ...]
    settings: Mapping[str, object]
    whole: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, *arguments, keep=None):
        """Begin or resume a run; it begins with the number of checkpoints to keep."""
        settings = {} if keep is None else {**self.settings, "train.keep": keep}
        overrides = [f"{name}={value}".replace("'", "") for name, value in settings.items()]
        return subprocess.Popen(
            [sys.executable, *self.words, *arguments, *overrides],
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


COMMAND = Program(("-m", "multibox", "train"), SMALL, "whole-command")
QUICK = (str(Path(__file__).with_name("small_train.py")),)
STEPS = {**SMALL, "train.steps_per_epoch": 20, "train.log_every": 10}  # a step takes 20 ms
IN_TENSORFLOW = Program(QUICK, STEPS, "whole-tensorflow", {"KERAS_BACKEND": "tensorflow"})
IN_TORCH = Program(QUICK, STEPS, "whole-torch", {"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"})


def finish(process):
    error = process.communicate(timeout=300)[1]
    assert process.returncode == 0, error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "times", "in_writes"),
    [
        pytest.param(IN_TENSORFLOW, 3, 0, id="3"),
        pytest.param(COMMAND, 10, 2, id="10", marks=pytest.mark.long),
        pytest.param(
            IN_TORCH, 10, 2, id="torch-10", marks=pytest.mark.skipif(not find_spec("torch"), reason="needs PyTorch")
        ),
    ],
)
def test_killed_at_any_moments_it_ends_the_same(folder, program, times, in_writes):
    """A third of the kills fall into the writing of a checkpoint, a third into the start, a third into the steps."""
    if not (folder / "experiments" / program.whole).exists():
        finish(program.start("--name", program.whole, keep=99))
    rng, kills, inside = random.Random(0), 0, 0
    name = f"killed-{program.whole}-{times}"
    killed = folder / "experiments" / name
    process = program.start("--name", name, keep=2)
    while kills < times:
        inside += wait_for_a_bad_moment(process, killed / "checkpoints", rng, ("write", "start", "step")[kills % 3])
        if process.poll() is not None:
            break  # It was faster than the kills.
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        if (killed / "config.yaml").is_file():
            process = program.start("--resume", name)
        else:
            shutil.rmtree(killed, ignore_errors=True)
            process = program.start("--name", name, keep=2)
    finish(process)
    assert kills == times
    assert inside >= in_writes
    assert_same_end(folder, program.whole, name)


def wait_for_a_bad_moment(process, checkpoints, rng, when):
    """Wait until the run writes a checkpoint, or while it starts, or has made a step; whether it is in a write now."""
    before, deadline = (
        set(checkpoints.glob("step-*")),
        time.monotonic() + (rng.uniform(0.2, 4) if when == "start" else 90),
    )
    while time.monotonic() < deadline and process.poll() is None:
        if when == "write" and any(checkpoints.glob(".multibox-new-*")):
            return True
        if when == "step" and set(checkpoints.glob("step-*")) - before:
            time.sleep(rng.uniform(0, 0.3))
            return False
        time.sleep(0.0005)
    return False
