import time
from types import SimpleNamespace

import pytest

from multibox.bench.stopwatch import Stopwatch


@pytest.fixture
def module():
    """Functions that call each other by the module's names, as real ones do, on a clock that they move."""
    module = SimpleNamespace(now=0.0)

    def inner():
        module.now += 2

    def outer():
        module.now += 1
        module.inner()
        module.inner()
        return "done"

    module.inner, module.outer = inner, outer
    return module


def test_each_function_has_its_own_time_without_that_of_others(module, monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: module.now)
    stopwatch = Stopwatch()
    with stopwatch.watching(module, ["inner", "outer"]):
        assert module.outer() == "done"
        module.inner()
    assert stopwatch.seconds == {"inner": 6.0, "outer": 1.0}


def test_watching_ends_with_the_block(module):
    before = module.inner
    stopwatch = Stopwatch()
    with stopwatch.watching(module, ["inner"]):
        assert module.inner is not before
    assert module.inner is before


def test_a_call_that_fails_is_counted(module, monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: module.now)

    def fail():
        module.now += 3
        raise ValueError("no")

    module.fail = fail
    stopwatch = Stopwatch()
    with stopwatch.watching(module, ["fail", "inner"]):
        with pytest.raises(ValueError, match="no"):
            module.fail()
        module.inner()
    assert stopwatch.seconds == {"fail": 3.0, "inner": 2.0}
