"""All runtimes give the same numbers, compute with as many threads as they are told, and say what is wrong."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from colored import make_schema
from multibox.cli import main
from multibox.errors import BadInput
from multibox.export.onnx_float16 import to_float16
from multibox.export.onnx_int8 import to_int8
from multibox.machine import cores
from multibox.metadata import read_metadata
from multibox.models.file import read_onnx_schema
from multibox.runtimes import CHOICES, KerasRuntime, OnnxRuntime, open_runtime
from multibox.runtimes.agreement import Difference, difference, trial_images
from multibox.runtimes.kinds import RUNTIMES
from multibox.runtimes.openvino import import_openvino
from tiny_onnx import write_tiny_onnx

OTHERS = ("openvino", "mnn", "ncnn")
CONVERTING = ("mnn", "ncnn")
"""Runtimes that convert an ONNX file to a format of their own, and keep it."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_onnx(tmp_path_factory.mktemp("tiny") / "tiny.onnx")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "multibox"


@pytest.fixture(params=OTHERS)
def other(request):
    """A runtime besides ONNX Runtime."""
    pytest.importorskip(RUNTIMES[request.param].module)
    return request.param


def images(count):
    return np.random.default_rng(count).integers(0, 256, (count, 128, 192, 3), np.uint8)


def test_the_same_numbers_for_batches_of_any_size(model, other):
    expected, given = open_runtime(model), open_runtime(model, runtime=other)
    assert given.schema == expected.schema
    for count in (2, 1, 3):
        wanted_outputs, given_outputs = expected.run(images(count)), given.run(images(count))
        assert given_outputs.keys() == wanted_outputs.keys()
        for name, wanted in wanted_outputs.items():
            got = given_outputs[name]
            assert got.shape == wanted.shape == (count, 336, wanted.shape[2])
            assert got.dtype == np.float32
            assert np.abs(wanted).max() > 3  # numbers that could differ
            np.testing.assert_allclose(got, wanted, atol=1e-3)


def test_what_was_given_stays(model, other):
    runtime = open_runtime(model, runtime=other)
    first = runtime.run(images(2))
    copies = {name: output.copy() for name, output in first.items()}
    runtime.run(images(2)[::-1])
    for name, output in first.items():
        np.testing.assert_array_equal(output, copies[name])


def test_images_that_are_not_in_one_piece(model, other):
    pixels = images(4)
    expected = open_runtime(model).run(np.ascontiguousarray(pixels[::2, :, ::-1]))
    given = open_runtime(model, runtime=other).run(pixels[::2, :, ::-1])
    np.testing.assert_allclose(given["classes"], expected["classes"], atol=1e-3)


COUNT_THREADS = """
import os, sys
import numpy as np
from multibox.machine import cores
from multibox.runtimes import open_runtime

runtime = open_runtime(sys.argv[1], runtime=sys.argv[2], threads=int(sys.argv[3]))
runtime.run(np.zeros((4, 128, 192, 3), np.uint8))
print("threads", len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(cores() < 2 or not Path("/proc/self/task").is_dir(), reason="there is nothing to count")
@pytest.mark.parametrize("name", ["onnx", *OTHERS])
def test_threads(model, name):
    pytest.importorskip(RUNTIMES[name].module)

    def started(threads):
        words = [sys.executable, "-c", COUNT_THREADS, str(model), name, str(threads)]
        printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        return int(printed.split()[-1])

    assert started(2) == started(1) + 1


@pytest.fixture(params=CONVERTING)
def converting(request):
    """A runtime that converts."""
    pytest.importorskip(RUNTIMES[request.param].module)
    return request.param


def test_opening_prints_nothing(model, other, capfd):
    open_runtime(model, runtime=other)
    assert capfd.readouterr() == ("", "")


def test_a_file_is_converted_once(model, converting, cache, monkeypatch):
    expected = open_runtime(model, runtime=converting).run(images(1))
    (converted,) = (cache / converting).iterdir()
    monkeypatch.setattr(subprocess, "run", None)
    monkeypatch.setattr("multibox.runtimes.ncnn.to_ncnn", None)
    copy = model.with_name("other-name.onnx")
    copy.write_bytes(model.read_bytes())
    np.testing.assert_equal(open_runtime(copy, runtime=converting).run(images(1)), expected)
    assert list((cache / converting).iterdir()) == [converted]


@pytest.mark.parametrize("content", [b"", b"no model", None])
def test_a_damaged_conversion_is_made_anew(model, converting, cache, content):
    expected = open_runtime(model, runtime=converting).run(images(1))
    (converted,) = (cache / converting).iterdir()
    converted = converted / "model.ncnn.bin" if converted.is_dir() else converted
    whole = converted.read_bytes()
    converted.write_bytes(whole[: len(whole) // 2] if content is None else content)
    np.testing.assert_equal(open_runtime(model, runtime=converting).run(images(1)), expected)
    assert len(converted.read_bytes()) == len(whole)


def test_a_conversion_without_a_cache(model, converting, cache):
    cache.parent.write_text("a file where the folder should be")
    assert open_runtime(model, runtime=converting).run(images(1))["classes"].shape == (1, 336, 4)


def test_what_a_runtime_cannot_run(model, other, tmp_path):
    onnx = pytest.importorskip("onnx")
    broken = onnx.load(model)
    broken.graph.node[0].op_type = "Nonsense"
    onnx.save(broken, tmp_path / "broken.onnx")
    with pytest.raises(BadInput, match=rf"broken\.onnx: not a model that {RUNTIMES[other].title} can run; [^\n]*$"):
        open_runtime(tmp_path / "broken.onnx", runtime=other)


def test_a_missing_package(model, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in OTHERS:
        message = rf"tiny\.onnx: needs .*; in a clone of Multibox, run: pip install '\.\[{name}\]'$"
        with pytest.raises(BadInput, match=message):
            open_runtime(model, runtime=name)


@pytest.mark.parametrize(
    ("file", "options", "message"),
    [
        ("no.onnx", {}, r"no\.onnx: no such model file"),
        ("text.txt", {}, r"text\.txt: not a model file"),
        ("text.onnx", {}, r"text\.onnx: not an ONNX model"),
        ("text.onnx", {"runtime": "fastest"}, r"text\.onnx: not an ONNX model"),
        ("tiny.onnx", {"runtime": "keras"}, r"runtime: keras: reads \.keras files, not .*tiny\.onnx; choose another"),
        ("text.keras", {"runtime": "mnn"}, r"runtime: mnn: reads \.onnx files, not .*text\.keras; .*export the model$"),
        ("tiny.onnx", {"runtime": "quick"}, r"runtime: quick: there is no runtime.*choose one of keras, onnx"),
        ("tiny.onnx", {"devices": 2}, r"devices: ONNX Runtime chooses its devices itself"),
    ],
)
def test_what_cannot_be_opened(model, tmp_path, file, options, message):
    (tmp_path / "tiny.onnx").write_bytes(model.read_bytes())
    for name in ("text.txt", "text.onnx", "text.keras"):
        (tmp_path / name).write_text("only a text, which is long enough to be something")
    with pytest.raises(BadInput, match=message) as caught:
        open_runtime(tmp_path / file, **options)
    assert "\n" not in str(caught.value)


def test_each_runtime_has_the_name_that_people_choose_it_by():
    for name, kind in RUNTIMES.items():
        if inspect.isclass(kind.open):
            assert kind.open.name == name
    assert KerasRuntime.name == "keras"


def test_the_choices():
    assert CHOICES[:5] == ("keras", "onnx", "openvino", "mnn", "ncnn")
    assert CHOICES[-2:] == ("fastest", "fastest-int8")


def test_metadata_as_onnx_reads_it(model):
    onnx = pytest.importorskip("onnx")
    expected = {entry.key: entry.value for entry in onnx.load(model).metadata_props}
    assert read_metadata(model) == expected
    assert read_onnx_schema(model) == make_schema()
    assert len(expected) == 2


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_metadata_of_a_part_of_a_file(model, tmp_path, share):
    whole = model.read_bytes()
    part = tmp_path / "part.onnx"
    part.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BadInput, match=r"part\.onnx: (not an ONNX model|has no multibox\.json)"):
        OnnxRuntime(part)


def outputs(schema, change=0.0):
    """A network's outputs for one image; the first delta of the first prior can be changed."""
    count = len(schema.make_priors())
    logits, deltas = np.zeros((1, count, len(schema.classes) + 1), np.float32), np.zeros((1, count, 4), np.float32)
    deltas[0, 0, 0] = change
    return {"classes": logits, "boxes": deltas}


def test_the_difference_of_boxes():
    schema = make_schema()
    left = schema.make_priors()[0]
    found = difference(outputs(schema), outputs(schema, 0.05), schema)
    moved = 0.05 * schema.priors.variances[0] * (left[2] - left[0]) * schema.network.size[1]
    assert found.score == 0
    assert found.pixels == pytest.approx(moved, rel=1e-4)


def test_the_difference_of_scores():
    schema = make_schema()
    expected, given = outputs(schema), outputs(schema)
    given["classes"][0, 5, 2] = np.log(2)  # of four classes with 1 : 1 : 2 : 1
    assert difference(expected, given, schema) == (pytest.approx(2 / 5 - 1 / 4), 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_differs(bad):
    schema = make_schema()
    given = outputs(schema, bad)
    assert not difference(outputs(schema), given, schema).is_small
    assert not difference(outputs(schema), given | {"classes": given["classes"][:, 1:]}, schema).is_small


def test_what_is_small():
    assert Difference(0.0009, 0.09).is_small
    assert not Difference(0.0011, 0.0).is_small
    assert not Difference(0.0, 0.11).is_small


def test_trial_images_are_always_the_same():
    first, second = (trial_images(make_schema()) for _ in range(2))
    assert first.shape == (2, 128, 192, 3)
    np.testing.assert_array_equal(first, second)
    assert first.std() > 30


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only GNU's OpenMP shows its settings")
@pytest.mark.parametrize(("chosen", "spins"), [(None, "'0'"), ("active", "'30000000000'")])
def test_threads_of_ncnn_sleep_while_they_wait(model, chosen, spins):
    pytest.importorskip("ncnn")
    code = f"""
import os
from multibox.runtimes import open_runtime
open_runtime({str(model)!r}, runtime="ncnn")
assert os.environ.get("OMP_WAIT_POLICY") == {chosen!r}
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    environment |= {"OMP_DISPLAY_ENV": "verbose"} | ({"OMP_WAIT_POLICY": chosen} if chosen else {})
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert f"GOMP_SPINCOUNT = {spins}" in result.stderr


@pytest.mark.parametrize("name", ["onnx", *OTHERS])
def test_no_telemetry(model, tmp_path, name):
    """Libraries that report on their use leave a number by which they know the machine."""
    pytest.importorskip(RUNTIMES[name].module)
    home = tmp_path / "home"
    home.mkdir()
    code = f"from multibox.runtimes import open_runtime; open_runtime({str(model)!r}, runtime={name!r})"
    environment = {name: value for name, value in os.environ.items() if name not in {"XDG_CACHE_HOME", "CI"}}
    subprocess.run([sys.executable, "-c", code], env={**environment, "HOME": str(home)}, check=True)
    left = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    assert all(path.startswith(".cache/multibox/") for path in left)
    assert bool(left) == (name in CONVERTING)


def test_export_to_openvino_reports_nothing(model, tmp_path):
    pytest.importorskip("openvino")
    code = f"""
import sys, onnx
from multibox.models.file import read_onnx_schema
from multibox.export.openvino import write_openvino
from pathlib import Path
write_openvino(onnx.load({str(model)!r}), read_onnx_schema({str(model)!r}), Path({str(tmp_path / "model.xml")!r}))
assert "openvino_telemetry" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "model.bin").is_file()


def test_mnn_converts_with_its_own_modules(model, tmp_path, monkeypatch):
    """Not with what lies in the working folder and has the name of one."""
    pytest.importorskip("MNN")
    (tmp_path / "_tools.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    open_runtime(model, runtime="mnn")


@pytest.fixture
def predict(model, tmp_path):
    """Runs ``multibox predict`` on a picture."""
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), images(1)[0])
    words = ["predict", str(model), str(picture), "--out", str(tmp_path / "out"), "--json", "--score", "0.9"]
    return lambda *options: CliRunner().invoke(main, [*words, *options])


def test_predict_with_a_runtime(predict, other):
    plain, chosen = predict(), predict("--runtime", other, "--threads", "1")
    assert plain.exit_code == chosen.exit_code == 0
    assert "score" in plain.stdout
    assert plain.stdout.count("score") == chosen.stdout.count("score")


def test_predict_with_no_such_runtime(predict):
    result = predict("--runtime", "quick")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "multibox: --runtime: quick: there is no runtime of that name; choose one of keras, onnx,"
    )


def test_a_file_of_integers_is_refused(model, tmp_path, cache, converting):
    onnx = pytest.importorskip("onnx")
    integers = tmp_path / "integers.onnx"
    onnx.save(to_int8(onnx.load(model), images(2)), integers)
    with pytest.raises(BadInput, match=rf"integers\.onnx: not a model that {RUNTIMES[converting].title} can run"):
        open_runtime(integers, runtime=converting)
    assert not list((cache / converting).glob("*"))


def test_openvino_computes_in_float32_unless_the_file_is_of_half_precision(model, tmp_path):
    pytest.importorskip("openvino")
    onnx = pytest.importorskip("onnx")
    half = tmp_path / "half.onnx"
    onnx.save(to_float16(onnx.load(model)), half)
    compiled = [open_runtime(path, runtime="openvino")._compiled for path in (model, half)]
    left_to_it = import_openvino().Core().compile_model(half, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
    precise, quick, quickest = (
        each.get_property("INFERENCE_PRECISION_HINT").to_string() for each in (*compiled, left_to_it)
    )
    assert precise == "f32"
    assert quick == quickest
