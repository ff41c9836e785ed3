"""Which runs the folds make. What they learn is tested in test_find_suspects.py."""

import signal
from types import SimpleNamespace

import pytest

from multibox.errors import BadInput, Stopped
from multibox.labelling import fold_runs


def store(split):
    return SimpleNamespace(meta=SimpleNamespace(name="pets-folds", split=split))


FOLDS = [store("fold1"), store("fold2"), store("fold3")]


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Trainings and continuations instead of real ones, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    made = []

    def train(config, overrides, name, minutes=None):
        if len(made) == made_until:
            raise Stopped("stopped", signal.SIGINT)
        folder = tmp_path / "experiments" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("")
        made.append(("train", name, str(config), dict(overrides), minutes))
        return SimpleNamespace(model=folder / "best.keras")

    def resume(name):
        made.append(("resume", name))
        return SimpleNamespace(model=tmp_path / "experiments" / name / "best.keras")

    made_until = None
    monkeypatch.setattr(fold_runs, "train", train)
    monkeypatch.setattr(fold_runs, "resume_run", resume)

    def stop_after(count):
        nonlocal made_until
        made_until = count

    return SimpleNamespace(made=made, stop_after=stop_after)


def test_each_fold_learns_from_the_others_without_validation_and_as_the_first(calls):
    models = fold_runs.train_folds(FOLDS, overrides=["train.epochs=7"])
    assert [path.parent.name for path in models] == ["pets-folds-1", "pets-folds-2", "pets-folds-3"]
    first, *others = calls.made
    assert first[3] == {
        "train.epochs": 7,
        "data.train": ["pets-folds/fold2", "pets-folds/fold3"],
        "data.val": [],
        "data.weights": [],
    }
    assert [call[2:4] for call in others] == [
        (
            "experiments/pets-folds-1/config.yaml",
            {"data.train": ["pets-folds/fold1", "pets-folds/fold3"], "data.val": []},
        ),
        (
            "experiments/pets-folds-1/config.yaml",
            {"data.train": ["pets-folds/fold1", "pets-folds/fold2"], "data.val": []},
        ),
    ]


def test_without_a_length_all_folds_cost_about_one_training(calls, caplog):
    with caplog.at_level("INFO"):
        fold_runs.train_folds(FOLDS)
    assert calls.made[0][3]["train.epochs"] == 20  # of the 40 of the default configuration, on two thirds of the images
    assert "each fold trains for 20 epochs" in caplog.text


def test_minutes_are_shared_by_the_folds_and_measured_once(calls):
    fold_runs.train_folds(FOLDS, minutes=30)
    assert [call[4] for call in calls.made] == [10, None, None]
    assert "train.epochs" not in calls.made[0][3]


def test_a_stopped_call_goes_on_where_it_stopped(calls):
    calls.stop_after(1)
    with pytest.raises(Stopped, match="stopped in fold 2 of 3; go on by resume=True") as stopped:
        fold_runs.train_folds(FOLDS)
    assert stopped.value.signal == signal.SIGINT
    calls.stop_after(None)
    del calls.made[:]
    fold_runs.train_folds(FOLDS, resume=True)
    assert [call[:2] for call in calls.made] == [
        ("resume", "pets-folds-1"),
        ("train", "pets-folds-2"),
        ("train", "pets-folds-3"),
    ]


def test_runs_that_exist_are_not_touched_without_being_asked(calls):
    fold_runs.train_folds(FOLDS)
    with pytest.raises(BadInput, match="go on by resume=True"):
        fold_runs.train_folds(FOLDS)
    assert len(calls.made) == 3


@pytest.mark.parametrize("field", ["data.train", "data.val", "data.weights"])
def test_data_is_chosen_for_each_fold(calls, field):
    with pytest.raises(BadInput, match="is chosen for each fold"):
        fold_runs.train_folds(FOLDS, overrides={field: ["pets/train"]})
    assert calls.made == []


def test_a_run_that_validations_would_end_is_refused(calls):
    with pytest.raises(BadInput, match=r"train\.patience: .* folds are trained without; set train\.patience=0"):
        fold_runs.train_folds(FOLDS, overrides={"train.patience": 3, "train.validate_every": 1})
    assert calls.made == []
