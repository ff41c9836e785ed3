"""The trainings of the benchmarks."""

import json

import pytest
from benchmarks import runs
from benchmarks.runs import require_unseen, seconds_of, train


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "experiments" / "first"


class Trained:
    """Stands for a training that was stopped once."""

    def __init__(self, folder):
        self.folder, self.commands = folder, []

    def run(self, command, check):
        self.commands.append(command[3:])
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config.yaml").touch()
        if len(self.commands) == 1:
            return self
        (self.folder / "best.keras").touch()
        return self

    @property
    def returncode(self):
        return 143 if len(self.commands) == 1 else 0


def test_a_stopped_run_goes_on_and_all_of_its_time_counts(folder, monkeypatch):
    trained = Trained(folder)
    monkeypatch.setattr(runs.subprocess, "run", trained.run)
    with pytest.raises(SystemExit, match="first: training ended with code 143"):
        train("first", "--data", "bccd")
    assert train("first", "--data", "bccd") == runs.EXPERIMENTS / "first"
    train("first", "--data", "bccd")
    assert trained.commands == [["train", "--name", "first", "--data", "bccd"], ["train", "--resume", "first"]]
    assert len(json.loads((folder / "seconds.json").read_text())) == 2
    assert seconds_of("first") > 0


@pytest.mark.parametrize(
    "weights",
    [[], ["network.weights=auto"], ["network.weights=voc20"], ["network.weights=imagenet", "network.weights=auto"]],
)
@pytest.mark.parametrize(
    "data", [["--data", "voc2007/train"], ["data.train=[voc2007/train]", "data.val=[voc2007/val]"]]
)
def test_no_run_on_voc2007_starts_from_the_detector_that_has_seen_it(data, weights, folder):
    with pytest.raises(SystemExit, match="voc20 has seen the images of VOC2007"):
        train("first", *data, *weights)
    assert not folder.exists()


def test_other_starts_and_other_data_are_trained():
    require_unseen(("--data", "voc2007/train", "network.weights=imagenet"))
    require_unseen(("data.train=[voc2007/train]", "network.weights=experiments/small/last.keras"))
    require_unseen(("--data", "bccd"))
