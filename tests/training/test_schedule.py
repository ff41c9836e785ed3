import pytest

from multibox.config import Train
from multibox.training.schedule import Schedule


def rates(steps, **config):
    schedule = Schedule(Train(lr=1.0, **config), steps_per_epoch=10)
    return [float(schedule(step)) for step in steps]


def test_warm_up_rises_in_equal_steps_to_the_rate():
    assert rates([0, 1, 3, 4], warmup_steps=4, schedule="step", epochs=3) == pytest.approx([0.25, 0.5, 1.0, 1.0])


def test_steps_multiply_by_a_tenth_after_each_milestone():
    config = {"warmup_steps": 0, "schedule": "step", "milestones": (2, 3), "epochs": 4}
    assert rates([0, 19, 20, 29, 30, 39], **config) == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_falls_from_the_rate_to_nothing():
    config = {"warmup_steps": 4, "schedule": "cosine", "epochs": 10}
    assert rates([4, 52, 100, 120], **config) == pytest.approx([1.0, 0.5, 0.0, 0.0], abs=1e-6)


def test_a_run_shorter_than_its_warm_up_ends_warmed_up():
    assert rates([0, 9], warmup_steps=500, schedule="cosine", epochs=1) == pytest.approx([0.1, 1.0])
