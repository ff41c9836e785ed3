"""Three hundred of the damaged inputs that ``benchmarks/mutate.py`` makes thousands of, and what it found."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from multibox.annotations.recognise import FORMATS

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="its workers need Linux")


@pytest.fixture
def mutate(monkeypatch):
    for name in ("PIL", "h5py", "onnx", "openvino", "ncnn", "ai_edge_litert", "pillow_heif", "fastapi"):
        pytest.importorskip(name)
    monkeypatch.syspath_prepend(str(ROOT))
    import benchmarks.mutate

    return benchmarks.mutate


def test_every_layout_is_mutated(mutate):
    from benchmarks.mutation.layouts import LAYOUTS

    assert {seed.layout for seed in LAYOUTS} == {each.NAME for each in FORMATS}


def test_three_hundred_damaged_inputs_end_in_success_or_one_line(mutate, tmp_path):
    results = list(mutate.run(mutate.Inputs(0, quick=True), 300, tmp_path))
    assert not [mutate.described(each) for each in results if each.ending == "failure"]
    assert Counter(each.kind for each in results).keys() == set(mutate.KINDS)
    assert {"success", "refusal"} <= {each.ending for each in results}
    assert not list(tmp_path.glob("mutated-*"))


def test_inputs_depend_on_their_seed_alone(mutate):
    def made(seed):
        inputs = mutate.Inputs(seed, "detections")
        return [(inputs[i].content, inputs[i].command, inputs[i].done) for i in range(20)]

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_a_worker_that_dies_or_hangs_costs_one_input(mutate, tmp_path, monkeypatch):
    from benchmarks.mutation.verdict import Verdict

    inputs = mutate.Inputs(0, "bodies")
    deaths = {inputs[3].content["in/explain matching"]: signal.SIGKILL, inputs[5].content["in/pixels.json"]: None}

    def judge(command, content, known, idle):
        body = next(iter(content.values()))
        if body in deaths:
            os.kill(os.getpid(), deaths[body]) if deaths[body] else time.sleep(60)
        return Verdict("success", "")

    monkeypatch.setattr(mutate, "judge", judge)
    monkeypatch.setattr(mutate, "PATIENCE", 0.5)
    results = list(mutate.run(inputs, 8, tmp_path / "work", keep=tmp_path / "kept"))
    assert [each.number for each in results] == list(range(8))
    assert [each.ending for each in results] == [*["success"] * 3, "crash", "success", "failure", "success", "success"]
    assert results[3].words == "SIGKILL in another library"
    assert results[5].words == "gave no result for 0.5 s"
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["00005-bodies"]


GOOD = {"code": 0, "out": "", "err": "", "noise": "", "error": ""}


@pytest.mark.parametrize(
    ("command", "said", "ending"),
    [
        (("info",), {}, "success"),
        (("info",), {"noise": "libpng error: IDAT: CRC error"}, "success"),
        (("info",), {"code": 2, "err": "in: 3 images\nmultibox: in/a: is damaged\n"}, "refusal"),
        (("info",), {"code": 2, "err": "Usage: multibox info MODEL\n\nError: no such option\n"}, "refusal"),
        (("info",), {"code": 2, "err": "multibox: in/a: is\ndamaged\n"}, "failure"),
        (("info",), {"code": 2, "err": ""}, "failure"),
        (("info",), {"code": 2, "out": "[", "err": "multibox: in/a: is damaged\n"}, "failure"),
        (("info",), {"code": 1, "err": "multibox: in/a: is damaged\n"}, "failure"),
        (("info",), {"code": 1}, "failure"),
        (("data", "check"), {"code": 1}, "success"),
        (("predict",), {"code": 1, "err": "multibox: 1 of 2 images could not be read: a\n"}, "success"),
        (("info",), {"error": "Traceback ..."}, "failure"),
        (("info",), {"err": "a.py:3: RuntimeWarning: overflow encountered\n  a * b\n"}, "failure"),
    ],
)
def test_what_a_command_says_decides(mutate, command, said, ending):
    from benchmarks.mutation.running import Said
    from benchmarks.mutation.verdict import ending_of

    assert ending_of(command, Said(**GOOD | said))[0] == ending


@pytest.mark.parametrize(
    ("ending", "path", "words"),
    [
        ("refusal", "work/out.png", ["left 'work/out.png' behind"]),
        ("refusal", "data/.lock", ["left 'data/.lock' behind"]),
        ("refusal", "cache/mnn", []),
        ("refusal", "cache/.multibox-new-1", ["left 'cache/.multibox-new-1' behind"]),
        ("success", "work/out.png", []),
        ("success", "tmp/x", ["left 'tmp/x' behind"]),
        ("success", "work/.multibox-new-1", ["left 'work/.multibox-new-1' behind"]),
        ("success", "work/in/a.txt", ["changed or removed work/in/a.txt"]),
    ],
)
def test_what_a_command_leaves_behind_decides(mutate, tmp_path, ending, path, words):
    from benchmarks.mutation.verdict import left_behind, listed

    for name in ("work/in", "data", "tmp", "cache"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "work/in/a.txt").write_text("a")
    before = listed(tmp_path)
    (tmp_path / path).write_text("other")
    assert list(left_behind(tmp_path, before, ending)) == words
