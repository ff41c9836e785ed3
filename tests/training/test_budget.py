import time

import pytest

from multibox.config_file import load_config, parse_config
from multibox.errors import BadInput
from multibox.prepare.phases import at_size
from multibox.training import budget
from multibox.training.budget import Speed, fit_into, measure_speed, speed_of_run, steps_within
from multibox.training.setup import complete, settings_of
from multibox.training.stores import open_stores
from multibox.training.train import train
from training import small_network
from training.test_train import SMALL

UNBOUNDED = {name: value for name, value in SMALL.items() if name not in ("train.epochs", "train.steps_per_epoch")}


@pytest.fixture
def run_of_tiny(store_root):
    """Settings and stores of a run on the tiny dataset."""
    settings = settings_of("tiny", "ssdlite-efficientnet", UNBOUNDED, "fail")
    stores = open_stores(settings.data.train)
    return complete(settings, stores), stores


def at_speed(monkeypatch, first, step):
    monkeypatch.setattr(budget, "measure_speed", lambda config, stores: Speed(first, step))


def test_the_speed_of_a_run_is_that_of_both_its_sizes(monkeypatch):
    config = parse_config({"train": {"small_size": 0.5, "small_until": 0.25}}, "test")
    speeds = {160: Speed(2.0, 0.1), 320: Speed(3.0, 0.5)}
    monkeypatch.setattr(budget, "measure_speed", lambda config, stores: speeds[config.network.size[0]])
    assert speed_of_run(config, []) == Speed(5.0, pytest.approx(0.4))
    assert speed_of_run(at_size(config, (320, 320)), []) == speeds[320]
    small = parse_config({"train": {"small_size": 0.5, "small_until": 1}}, "test")
    assert speed_of_run(small, []) == speeds[160]


@pytest.mark.parametrize(
    ("left", "validation", "every", "steps"),
    [(10.0, 0.0, 0, 100), (10.0, 2.0, 0, 80), (10.0, 2.0, 20, 40), (1.0, 2.0, 0, 0), (-5.0, 0.0, 0, 0)],
)
def test_steps_and_validations_fit_into_the_time(left, validation, every, steps):
    assert steps_within(left, 0.1, validation, every) == steps


def test_the_length_of_a_run_fills_its_minutes(run_of_tiny, monkeypatch):
    config, stores = run_of_tiny
    at_speed(monkeypatch, first=10.0, step=0.05)
    fitted = fit_into(2, config, stores, time.monotonic() - 5).train
    validations = sum(map(len, open_stores(config.data.val))) * fitted.epochs * 0.05 / config.train.batch / 2
    seconds = fitted.epochs * fitted.steps_per_epoch * 0.05 + validations
    assert 0.9 * 105 < seconds <= 105
    assert fitted.steps_per_epoch == pytest.approx(config.train.epoch_steps(sum(map(len, stores))), abs=1)


def test_less_than_an_epoch_is_one_short_epoch(run_of_tiny, monkeypatch):
    config, stores = run_of_tiny
    epoch = config.train.epoch_steps(sum(map(len, stores)))
    at_speed(monkeypatch, first=0.0, step=60 / 15)
    config = config.model_copy(update={"train": config.train.model_copy(update={"steps_per_epoch": 10 * epoch})})
    fitted = fit_into(2, config, stores, time.monotonic()).train
    assert fitted.epochs == 1
    assert 10 <= fitted.steps_per_epoch <= 30
    assert fitted.warmup_steps <= 3


def test_too_few_minutes_are_refused_with_the_fewest(run_of_tiny, monkeypatch):
    config, stores = run_of_tiny
    at_speed(monkeypatch, first=20.0, step=3.0)
    with pytest.raises(
        BadInput, match=r"minutes: 0.5 is too short for 10 steps on this machine; give at least (\d\.\d)"
    ) as said:
        fit_into(0.5, config, stores, time.monotonic())
    assert fit_into(float(str(said.value).split()[-1]) + 0.1, config, stores, time.monotonic()).train.epochs >= 1


@pytest.mark.parametrize("minutes", [float("inf"), float("nan")])
def test_minutes_without_an_end_are_refused(run_of_tiny, minutes):
    with pytest.raises(BadInput, match=r"minutes: must be a finite number; set train\.epochs"):
        fit_into(minutes, *run_of_tiny, time.monotonic())


def test_every_number_that_the_minutes_choose_is_said(run_of_tiny, monkeypatch, caplog):
    caplog.set_level("INFO")
    at_speed(monkeypatch, first=0.0, step=1.0)
    chosen = fit_into(2, *run_of_tiny, time.monotonic()).train
    for name in ("epochs", "steps_per_epoch", "warmup_steps"):
        assert f"train.{name}={getattr(chosen, name)}" in caplog.text


def test_minutes_and_epochs_are_not_given_together(store_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"minutes: sets train\.epochs"):
        train("tiny", overrides=SMALL, minutes=1)
    assert not (tmp_path / "experiments").exists()


@pytest.mark.slow
def test_a_run_of_minutes_records_its_length(store_root, tmp_path, monkeypatch):
    """What is resumed is an ordinary run of so many epochs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("multibox.training.setup.build", small_network.build)
    at_speed(monkeypatch, first=0.0, step=60 / 14)
    run = train("tiny", overrides={**UNBOUNDED, "train.validate_every": 0}, minutes=1, name="minute")
    recorded = load_config(run.folder / "config.yaml").train
    steps = [int(line.split(",")[0]) for line in (run.folder / "log.csv").read_text().splitlines()[1:]]
    assert 10 <= recorded.epochs * recorded.steps_per_epoch == steps[-1] <= 14


@pytest.mark.slow
def test_the_first_step_is_measured_apart(run_of_tiny):
    speed = measure_speed(*run_of_tiny, seconds=0.5)
    assert 0 < speed.step < speed.first
