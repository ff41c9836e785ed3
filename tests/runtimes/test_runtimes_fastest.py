"""The fastest runtime: chosen among those that detect the same, measured once, remembered."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from colored import ColorRuntime, make_schema
from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.runtimes import open_runtime
from multibox.runtimes.agreement import difference
from multibox.runtimes.cache import content_hash
from multibox.runtimes.fastest import in_turns, measure
from multibox.runtimes.kinds import RUNTIMES, Kind
from tiny_onnx import write_tiny_onnx


class Timed(ColorRuntime):
    """Takes some seconds for an image; its scores may be a little off."""

    def __init__(self, seconds, off=0.0):
        super().__init__(make_schema())
        self.seconds, self.off = seconds, off

    def answer(self, images):
        time.sleep(self.seconds)
        logits, deltas = super().answer(images)
        return logits + np.array([0, self.off, 0, 0], np.float32), deltas


class Table:
    """Runtimes in place of the real ones; counts how often each was opened."""

    def __init__(self, monkeypatch, runtimes):
        self.opened = []
        self.version = "1"
        table = {name: self._kind(name, runtime) for name, runtime in runtimes.items()}
        for module in ("kinds", "fastest", "choose"):
            monkeypatch.setattr(f"multibox.runtimes.{module}.RUNTIMES", table)
        monkeypatch.setattr("multibox.runtimes.fastest.ROUNDS", 3)
        monkeypatch.setattr(Kind, "version", property(lambda kind: self.version))

    def _kind(self, name, runtime):
        def opens(path, threads):
            self.opened.append(name)
            if isinstance(runtime, Exception):
                raise runtime
            return runtime

        return Kind(name, "json" if runtime else "not_installed_at_all", (name,), (".onnx",), opens)


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "model.onnx"
    path.write_bytes(b"any")
    return path


@pytest.fixture
def table(monkeypatch):
    runtimes = {
        "default": Timed(0.03),
        "wrong": Timed(0.0, off=100.0),
        "slow": Timed(0.06),
        "quick": Timed(0.005),
        "missing": None,
        "unable": BadInput("unable", "cannot read it"),
    }
    return Table(monkeypatch, runtimes)


def answers(path):
    return path.parent / "cache" / "multibox" / "fastest.json"


def test_the_quickest_that_is_right(model, table):
    assert open_runtime(model, runtime="fastest").seconds == 0.005
    assert table.opened == ["default", "wrong", "slow", "quick", "unable"]
    (answer,) = json.loads(answers(model).read_text()).values()
    assert answer["runtime"] == "quick"
    assert sorted(answer["ms"], key=answer["ms"].get) == ["quick", "default", "slow"]


def test_it_is_measured_once(model, table):
    open_runtime(model, runtime="fastest")
    table.opened.clear()
    assert open_runtime(model, runtime="fastest").seconds == 0.005
    assert table.opened == ["quick"]


@pytest.mark.parametrize("content", ["", "{", "[]", '"x"', "\x00\xff", None])
def test_a_damaged_memory_is_measured_anew(model, table, content):
    open_runtime(model, runtime="fastest")
    whole = json.loads(answers(model).read_text())
    if content is None:
        answers(model).write_text(json.dumps({key: {"runtime": ["quick"]} for key in whole}))
    else:
        answers(model).write_text(content)
    table.opened.clear()
    assert open_runtime(model, runtime="fastest").seconds == 0.005
    assert len(table.opened) > 1
    assert json.loads(answers(model).read_text()).keys() == whole.keys()


def test_another_version_model_or_number_of_threads_is_measured(model, table, tmp_path):
    for change in (
        lambda: open_runtime(model, runtime="fastest"),
        lambda: open_runtime(model, runtime="fastest", threads=1 + 64),
        lambda: (tmp_path / "model.onnx").write_bytes(b"another one") and open_runtime(model, runtime="fastest"),
        lambda: setattr(table, "version", "2") or open_runtime(model, runtime="fastest"),
    ):
        table.opened.clear()
        change()
        assert len(table.opened) > 1
    assert len(json.loads(answers(model).read_text())) == 4


def test_a_memory_that_cannot_be_written(model, table):
    answers(model).parent.parent.write_text("a file where the folder should be")
    assert open_runtime(model, runtime="fastest").seconds == 0.005


def test_where_there_is_no_choice_nothing_is_measured(model, monkeypatch):
    table = Table(monkeypatch, {"default": Timed(0.0), "missing": None})
    open_runtime(model, runtime="fastest")
    assert table.opened == ["default"]
    assert not answers(model).exists()


def test_the_default_has_to_work(model, monkeypatch):
    Table(monkeypatch, {"default": BadInput("model.onnx", "broken"), "quick": Timed(0.0)})
    with pytest.raises(BadInput, match="broken"):
        open_runtime(model, runtime="fastest")


@pytest.mark.parametrize(
    ("images", "given", "seconds"), [(999, None, 0.03), (1000, None, 0.005), (1000, "default", 0.03)]
)
def test_many_images_are_worth_a_measurement(model, table, monkeypatch, images, given, seconds):
    monkeypatch.setattr("multibox.runtimes.choose.CHOICES", ("default", "fastest"))
    assert open_runtime(model, runtime=given, images=images).seconds == seconds


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_lanes_run_different_images_at_the_same_time(tmp_path, name):
    pytest.importorskip(RUNTIMES[name].module)
    path = write_tiny_onnx(tmp_path / "tiny.onnx")
    single, wide = (open_runtime(path, runtime=name, threads=2, images=images) for images in (3, 4))
    assert (single.lanes, wide.lanes) == (1, 2)
    images = np.random.default_rng(0).integers(0, 256, (40, 1, *wide.schema.network.size, 3), np.uint8)
    with ThreadPoolExecutor(2) as pool:
        for image, outputs in zip(images, pool.map(wide.run, images), strict=True):
            assert difference(single.run(image), outputs, wide.schema).is_small


def test_turns_are_taken_in_rounds():
    calls = []
    seconds = in_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert "".join(calls) == "ababab"  # one more, which does not count
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2}


def test_slow_ones_have_three_turns():
    assert len(in_turns({"a": lambda: time.sleep(0.02)}, rounds=20, limit=0.01)["a"]) == 3


def test_measured_in_milliseconds():
    assert 10 <= measure({"a": Timed(0.01)}, rounds=3)["a"] < 100


def test_the_hash_is_of_the_content(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"1")
    second.write_bytes(b"1")
    assert content_hash(first) == content_hash(second)
    second.write_bytes(b"2")
    assert content_hash(first) != content_hash(second)


def test_a_real_model(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = write_tiny_onnx(tmp_path / "tiny.onnx")
    picture = np.random.default_rng(0).integers(0, 256, (100, 150, 3), np.uint8)
    expected = load(path)(picture, score=0.6)
    found = load(path, runtime="fastest", threads=1)(picture, score=0.6)
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.1)


def test_a_file_with_nms_inside_runs_as_by_default(monkeypatch, model):
    selecting = Timed(0)
    selecting.has_nms = True
    Table(monkeypatch, {"slow": selecting, "fast": Timed(0)})
    assert open_runtime(model, runtime="fastest") is selecting
