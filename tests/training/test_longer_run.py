"""A run that is resumed with other settings: what may change, what the learning rate does, and what the files say."""

import csv
import math
import shlex
import shutil
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.config_file import load_config, parse_overrides, to_yaml
from multibox.data.presence import presence_of
from multibox.errors import BadInput
from multibox.training import budget
from multibox.training import setup as setting_up
from multibox.training import train as training
from multibox.training.budget import Speed
from multibox.training.changes import MAY_CHANGE, change_config, record_changes
from multibox.training.checkpoint import Checkpoints, State
from multibox.training.experiment import Experiment
from multibox.training.resuming import begin_again
from multibox.training.run_report import write_run_report
from multibox.training.setup import Setup
from multibox.training.train import resume, train
from training import small_network

LR = 1e-3
SETTINGS = {
    "network.size": [128, 128],
    "network.weights": "none",
    "network.batch_norm": "trained",
    "data.workers": 0,
    "train.batch": 2,
    "train.epochs": 4,
    "train.steps_per_epoch": 2,
    "train.warmup_steps": 2,
    "train.lr": LR,
    "train.validate_every": 1,
    "train.log_every": 1,
    "train.checkpoint_every": 1,
}


class Killed(BaseException):
    """Stands for SIGKILL right after a checkpoint."""


@pytest.fixture
def folder(store_root, tmp_path, monkeypatch):
    """A working folder, in which networks are small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(setting_up, "build", small_network.build)
    return tmp_path / "experiments"


def rows(folder, name, table="log.csv"):
    with open(folder / name / table) as file:
        return list(csv.DictReader(file))


def learned(folder, name):
    """Losses and rates of a run by step. The other columns hold times."""
    return [[row[column] for column in ("step", "epoch", "loss", "lr")] for row in rows(folder, name)]


def assert_same_end(folder, name, other):
    ends = [Checkpoints(folder / run / "checkpoints").latest() for run in (name, other)]
    assert ends[0].state == ends[1].state
    assert ends[0].arrays.keys() == ends[1].arrays.keys()
    different = [key for key, array in ends[0].arrays.items() if not np.array_equal(array, ends[1].arrays[key])]
    assert different == []


def cosine(step, steps, warmup=2):
    return LR * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def test_a_finished_run_goes_on_for_more_epochs_also_when_it_is_killed_in_between(folder, monkeypatch, caplog):
    caplog.set_level("INFO")
    train("tiny", overrides=SETTINGS, name="whole")
    shutil.copytree(folder / "whole", folder / "killed")
    resume("whole", {"train.epochs": 6})
    assert (
        "whole: has made 8 of 12 steps and continues; train.epochs 6 (before: 4); the learning rate now follows the "
        f"schedule of 6 epochs, from {cosine(8, 12):.2g}" in caplog.messages
    )
    assert [int(row["step"]) for row in rows(folder, "whole")] == list(range(1, 13))
    assert [int(row["epoch"]) for row in rows(folder, "whole", "validation.csv")] == [1, 2, 3, 4, 5, 6]
    rates = [float(row["lr"]) for row in rows(folder, "whole")]
    expected = [cosine(step, 8) for step in range(2, 9)] + [cosine(step, 12) for step in range(9, 13)]
    assert rates[1:] == pytest.approx(expected, abs=1e-9)

    save = Checkpoints.save

    def save_and_die(self, state, arrays):
        save(self, state, arrays)
        if state.step == 9:
            raise Killed

    monkeypatch.setattr(Checkpoints, "save", save_and_die)
    with pytest.raises(Killed):
        resume("killed", ["train.epochs=6"])
    monkeypatch.setattr(Checkpoints, "save", save)
    resume("killed")
    assert_same_end(folder, "whole", "killed")
    assert learned(folder, "killed") == learned(folder, "whole")
    for name in ("whole", "killed"):
        text = (folder / name / "config.yaml").read_text()
        assert text.startswith("# after step 8: train.epochs 6 (before: 4)\nnetwork:")
        assert "train.epochs 6 (before: 4)" in write_run_report(Experiment(folder / name), running=False).read_text()
    assert resume("whole").model.is_file()
    assert "whole: has made 12 of 12 steps and is complete" in caplog.text


def test_a_run_of_minutes_is_resumed_as_one_that_was_not_stopped(folder, monkeypatch):
    """It makes as many steps if the same speed is measured: 10 or 11 of 60 s fit into 11.5 minutes."""
    monkeypatch.setattr(budget, "measure_speed", lambda config, stores: Speed(0.0, 60.0))
    settings = {
        name: value for name, value in SETTINGS.items() if name not in ("train.epochs", "train.steps_per_epoch")
    }
    settings |= {"data.val": [], "train.validate_every": 0, "train.keep": 99}
    train("tiny", overrides=settings, minutes=11.5, name="minutes")
    shutil.copytree(folder / "minutes", folder / "stopped")
    for path in (folder / "stopped" / "checkpoints").iterdir():
        if int(path.stem.removeprefix("step-")) > 3:
            path.unlink()
    resume("stopped")
    assert_same_end(folder, "minutes", "stopped")
    assert learned(folder, "stopped") == learned(folder, "minutes")
    assert len(learned(folder, "minutes")) in (10, 11)


def test_without_a_cosine_it_ends_as_a_run_that_was_as_long_from_the_start(folder):
    settings = SETTINGS | {"train.schedule": "step", "train.milestones": [3], "train.ema": 0.9, "train.epochs": 2}
    train("tiny", overrides=settings, name="longer")
    resume("longer", {"train.epochs": 4})
    train("tiny", overrides=settings | {"train.epochs": 4}, name="long")
    assert_same_end(folder, "long", "longer")
    assert learned(folder, "longer") == learned(folder, "long")


def begin(tmp_path, state, changes, measured=("cat",), **overrides):
    """Begin a run again, as :func:`resume` does. It has 2 steps an epoch."""
    before = load_config(overrides=SETTINGS | {"data.train": ["pets/train"], "data.val": ["pets/val"]} | overrides)
    experiment = Experiment(tmp_path / "cats")
    experiment.folder.mkdir(exist_ok=True)
    experiment.config.write_text(to_yaml(before))
    config, changes = change_config(experiment, before, changes)
    model, shown = SimpleNamespace(optimizer=None), presence_of([], config.data.classes)
    begin_again(Setup(config, (), (), None, None, model, 2, shown, None, measured), experiment, state, changes)
    return experiment


def test_a_run_that_was_stopped_can_be_made_shorter_but_not_than_it_is(tmp_path):
    for step in (5, 6):
        assert load_config(begin(tmp_path, State(step=step), {"train.epochs": 3}).config).train.epochs == 3
    for step in (7, 8):
        with pytest.raises(BadInput, match=r"^train\.epochs: 3: the run has begun epoch 4; give at least 4$"):
            begin(tmp_path, State(step=step), {"train.epochs": 3})
    assert load_config(tmp_path / "cats" / "config.yaml").train.epochs == 4, "a refused change is not written"


def test_a_checkpoint_that_does_not_fit_leaves_the_configuration_as_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = Experiment(tmp_path / "experiments" / "cats")
    experiment.folder.mkdir(parents=True)
    experiment.config.write_text(to_yaml(load_config(overrides=SETTINGS | {"data.train": ["pets/train"]})))
    written = experiment.config.read_text()
    network = SimpleNamespace(variables=[SimpleNamespace(path="head/kernel", shape=(3,))])
    model = SimpleNamespace(optimizer=SimpleNamespace(variables=[]))
    monkeypatch.setattr(training, "open_same_stores", lambda config: [])
    made = partial(Setup, stores=(), validation=(), schema=None, network=network, model=model, steps_per_epoch=2)
    monkeypatch.setattr(training, "set_up", lambda config, stores: made(config, presence=None, joined=None))
    Checkpoints(experiment.checkpoints).save(State(step=3), {"0000/other/kernel": np.zeros(3)})
    with pytest.raises(BadInput, match=r"the checkpoint of step 3 has no 0000/head/kernel"):
        resume("cats", {"train.epochs": 9})
    assert experiment.config.read_text() == written


def test_a_resumed_run_says_that_nothing_is_measured_but_not_to_change_its_data(tmp_path, caplog):
    begin(tmp_path, State(step=3), {}, **{"data.val": []})
    assert "no validation data, so no mAP is measured and best.keras is the last model" in caplog.messages


def test_a_run_that_patience_has_ended_needs_more_of_it_too(tmp_path, caplog):
    caplog.set_level("INFO")
    ended, patient = State(step=6, stale=2), {"train.patience": 2}
    with pytest.raises(BadInput, match=r"^train\.patience: 2: ended the run after .* set train\.patience=0 too"):
        begin(tmp_path, ended, {"train.epochs": 9}, **patient)
    begin(tmp_path, ended, {}, **patient)
    assert (
        "cats: has made 6 of 8 steps and was ended by train.patience=2; resume it with train.patience=0" in caplog.text
    )
    begin(tmp_path, ended, {"train.patience": 3}, **patient)
    assert "cats: has made 6 of 8 steps and continues; train.patience 3 (before: 2)" in caplog.messages


def test_validations_that_measured_nothing_have_not_ended_a_run(tmp_path, caplog):
    caplog.set_level("INFO")
    begin(tmp_path, State(step=6, stale=2), {}, measured=(), **{"train.patience": 2})
    assert "cats: has made 6 of 8 steps and continues" in caplog.messages


def test_patience_requires_validations_in_a_resumed_run_too(tmp_path):
    with pytest.raises(BadInput, match=r"^train\.patience: requires validations"):
        begin(tmp_path, State(step=3), {"train.patience": 2}, **{"data.val": []})
    with pytest.raises(BadInput, match=r"^train\.patience: requires validations"):
        begin(tmp_path, State(step=3), {"train.validate_every": 0}, **{"train.patience": 2})


def test_each_change_is_added_to_the_comments_before_it(tmp_path):
    experiment = begin(tmp_path, State(step=3), {"train.epochs": 5, "data.workers": 2})
    config = load_config(experiment.config)
    record_changes(experiment, *change_config(experiment, config, {"train.epochs": 7}), step=9)
    assert experiment.config.read_text().splitlines()[:4] == [
        "# after step 3: data.workers 2 (before: 0)",
        "# after step 3: train.epochs 5 (before: 4)",
        "# after step 9: train.epochs 7 (before: 5)",
        "network:",
    ]
    assert load_config(experiment.config).train.epochs == 7


def test_only_harmless_fields_change_and_the_same_value_is_no_change(tmp_path):
    experiment, config = Experiment(tmp_path), load_config(overrides=SETTINGS)
    others = {"train.patience": 3, "train.keep": 9, "train.tracker": "wandb", "train.log_every": 5}
    same = {"train.lr": LR, "network.size": [128, 128]}
    new, changes = change_config(experiment, config, others | same)
    assert {change.field for change in changes} == others.keys() <= set(MAY_CHANGE)
    assert new == load_config(overrides=SETTINGS | others)


@pytest.mark.parametrize(
    "field", ["train.lr=0.5", "train.seed=1", "data.train=[other/train]", "network.size=[160,160]"]
)
@pytest.mark.parametrize("has_model", [True, False])
def test_another_field_is_refused_with_the_command_of_a_new_run_from_the_weights(
    field, has_model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    experiment = Experiment(tmp_path / "experiments" / "my cats")
    experiment.folder.mkdir(parents=True)
    experiment.config.write_text(to_yaml(load_config(overrides=SETTINGS)))
    if has_model:
        experiment.best.touch()
    result = CliRunner().invoke(main, ["train", "--resume", "my cats", "train.epochs=9", field])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"multibox: {field.split('=')[0]}: cannot change when a run is resumed, as only")
    command = shlex.split(result.stderr[result.stderr.index("multibox train") :])
    assert command[:4] == ["multibox", "train", "--config", "experiments/my cats/config.yaml"]
    weights = {"network.weights": "experiments/my cats/best.keras"} if has_model else {}
    assert parse_overrides(command[4:]) == weights | parse_overrides(["train.epochs=9", field])
    assert load_config(command[3], command[4:]).train.epochs == 9
