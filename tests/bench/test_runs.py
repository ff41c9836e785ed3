"""The trainings of the benchmarks."""

import json
from pathlib import Path

import pytest
from benchmarks import runs
from benchmarks.runs import cost_of, require_unseen, train


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "experiments" / "first"


STOPPED_ONCE = """
import sys
from pathlib import Path

folder = Path("experiments/first")
folder.mkdir(parents=True, exist_ok=True)
with open("commands", "a") as commands:
    print(*sys.argv[1:], file=commands)
if not (folder / "config.yaml").exists():
    (folder / "config.yaml").touch()
    sys.exit(143)
(folder / "best.keras").touch()
"""


def test_a_stopped_run_goes_on_and_all_of_its_cost_counts(folder):
    module = folder.parent.parent / "multibox"
    module.mkdir()
    (module / "__init__.py").touch()
    (module / "__main__.py").write_text(STOPPED_ONCE)
    with pytest.raises(SystemExit, match="first: training ended with code 143"):
        train("first", "--data", "bccd")
    assert train("first", "--data", "bccd") == runs.EXPERIMENTS / "first"
    train("first", "--data", "bccd")
    assert Path("commands").read_text().splitlines() == ["train --name first --data bccd", "train --resume first"]
    parts = json.loads((folder / "parts.json").read_text())
    assert cost_of("first").seconds == sum(part["seconds"] for part in parts)
    assert cost_of("first").peak_mb == max(part["peak_mb"] for part in parts) > 1


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
