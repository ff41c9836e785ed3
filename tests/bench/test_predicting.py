import json

import cv2
import pytest
from click.testing import CliRunner

from colored import ColorRuntime
from multibox.bench.predicting import (
    Lap,
    PredictionSpeed,
    Turn,
    in_rounds,
    measure_prediction,
    open_detectors,
    opencv_threads,
    speed_of,
    take_turn,
    write_scenes,
)
from multibox.cli import main
from multibox.cli.bench import print_prediction
from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.runtimes.kinds import RUNTIMES
from multibox.runtimes.packages import is_installed
from tiny_onnx import write_tiny_onnx

LAPS = [Lap(0.001, 0.002, 0.010, 0.003), Lap(0.003, 0.002, 0.030, 0.005), Lap(0.002, 0.002, 0.020, 0.004)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def model(tmp_path):
    return write_tiny_onnx(tmp_path / "tiny.onnx")


def test_the_figures_of_a_runtime():
    speed = speed_of([Turn(LAPS[:1], 50.0), Turn(LAPS[1:], 30.0), Turn(LAPS, 40.0)], batch=2)
    assert speed.p50_ms == pytest.approx(28)  # of 16, 40, 28, 16, 40, 28
    assert speed.p95_ms == pytest.approx(40)
    assert speed.images_per_second == 40
    assert (speed.decode_ms, speed.resize_ms, speed.network_ms, speed.postprocess_ms) == pytest.approx((1, 1, 10, 2))
    assert speed.beyond_network_ms == pytest.approx(4)
    assert speed.times_peer is speed.network_times_peer is None


def test_the_peer_is_compared_round_by_round():
    turns = [Turn(LAPS, 40.0), Turn([Lap(0, 0, 0.040, 0.010)] * 2, 20.0), Turn(LAPS[:1], 60.0)]
    peer = [[0.056], [0.400, 0.500, 0.100], [0.016, 0.016]]
    speed = speed_of(turns, batch=1, peer_turns=peer)
    assert speed.times_peer == pytest.approx(2)  # of 56 / 28, 400 / 50 and 16 / 16
    assert speed.network_times_peer == pytest.approx(2.8)  # of 56 / 20, 400 / 40 and 16 / 10


def test_all_take_turns():
    taken = []
    given = in_rounds({"a": lambda: taken.append("a") or len(taken), "b": lambda: taken.append("b")}, rounds=2)
    assert "".join(taken) == "ababab"
    assert given == {"a": [3, 5], "b": [None, None]}  # the first round does not count


def test_a_turn_runs_whole_batches_and_all_files(tmp_path):
    runtime = ColorRuntime()
    scenes = write_scenes(tmp_path, 5)
    assert all(scene.read_bytes()[:2] == b"\xff\xd8" for scene in scenes)  # JPEG
    turn = take_turn(Detector(runtime), scenes, batch=2)
    assert len(turn.laps) == 2
    assert all(seconds > 0 for lap in turn.laps for seconds in lap)
    assert runtime.batches == [2, 2, 2, 2, 1]


def test_each_file_in_each_runtime(model, tmp_path, monkeypatch):
    for name in ("openvino", "mnn", "ncnn"):
        monkeypatch.setitem(RUNTIMES, name, RUNTIMES["onnx"])
    other = write_tiny_onnx(tmp_path / "other.onnx", seed=1)
    alone, _ = open_detectors([model], None, 1)
    assert list(alone) == ["onnx", "openvino", "mnn", "ncnn"]
    both, left_out = open_detectors([model, other], "onnx", 1)
    assert list(both) == ["onnx tiny.onnx", "onnx other.onnx"]
    assert left_out == {}


def test_what_cannot_run_a_file_is_left_out(model, monkeypatch):
    def refuse(path, threads):
        raise BadInput("mnn", "cannot")

    for name in ("openvino", "mnn", "ncnn"):
        monkeypatch.setitem(RUNTIMES, name, RUNTIMES["onnx"].__class__("x", "json", (), (".onnx",), refuse))
    detectors, left_out = open_detectors([model], None, 1)
    assert list(detectors) == ["onnx"]
    assert left_out == dict.fromkeys(("openvino", "mnn", "ncnn"), "mnn: cannot")
    with pytest.raises(BadInput, match="cannot"):
        open_detectors([model], "mnn", 1)


def test_opencv_is_left_as_it_was():
    before = cv2.getNumThreads()
    with opencv_threads(before + 1):
        assert cv2.getNumThreads() == before + 1
    assert cv2.getNumThreads() == before


def call(*arguments):
    return CliRunner().invoke(main, ["bench", "predict", *map(str, arguments)])


def test_json(model):
    result = call("--model", model, "--runtime", "onnx", "--images", 2, "--rounds", 1, "--threads", 1, "--json")
    assert result.exit_code == 0
    figures = json.loads(result.stdout)
    assert figures["threads"] == figures["batch"] == 1
    assert {
        "p50_ms", "p95_ms", "images_per_second", "decode_ms", "resize_ms", "network_ms", "postprocess_ms"
    } <= figures["runtimes"]["onnx"].keys()  # fmt: skip
    assert figures["peer_ms"] is None


def test_a_table_of_all_runtimes(model):
    result = call("--model", model, "--images", 1, "--rounds", 1, "--batch", 2)
    assert result.exit_code == 0
    for name in ("onnx", *(name for name in ("openvino", "mnn", "ncnn") if RUNTIMES[name].is_installed)):
        assert f"│ {name} " in result.stdout
    assert "a batch of 2" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "no.onnx"], "multibox: no.onnx: no such model file"),
        (["--model", "no.jpg"], "multibox: no.jpg: no such model file"),
        (["--model", __file__], "not a model file"),
        (["--model", "no.onnx", "--runtime", "mnn"], "multibox: no.onnx: no such model file"),
    ],
)
def test_no_model(arguments, message):
    result = call(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_people_see_of_a_peer(capsys):
    runtimes = {"onnx": speed_of([Turn(LAPS, 40.0)], 1, [[0.056]])}
    print_prediction(PredictionSpeed("a chip", 2, 1, runtimes, {"mnn": "it cannot"}, "torchvision", 56.0))
    printed = capsys.readouterr().out
    assert "2.00" in printed
    assert "mnn was skipped: it cannot" in printed
    assert "torchvision: 56.0 ms" in printed


def test_a_missing_peer(model, monkeypatch):
    from multibox.bench import torchvision_ssd

    torchvision_ssd.import_detection.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(BadInput, match=r"^torchvision: is not installed; run: pip install torch torchvision$"):
        measure_prediction([model], "onnx", threads=1, rounds=1, images=1, peer="torchvision")
    torchvision_ssd.import_detection.cache_clear()


@pytest.mark.slow
def test_the_peer(model):
    torch = pytest.importorskip("torch")
    if not is_installed("torchvision"):
        pytest.skip("torchvision is not installed")
    from multibox.bench.torchvision_ssd import ssd300_network

    outputs = ssd300_network(classes=20, batch=2, threads=1)()
    assert torch.get_num_threads() == 1
    assert outputs["cls_logits"].shape == (2, 8732, 21)
    assert outputs["bbox_regression"].shape == (2, 8732, 4)
    speed = measure_prediction([model], "onnx", threads=1, rounds=1, images=1, peer="torchvision")
    assert speed.peer_ms > speed.runtimes["onnx"].network_ms
    assert speed.runtimes["onnx"].times_peer > 1


def test_a_runtime_for_no_model(tmp_path):
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(BadInput, match=r"notes\.txt: not a model file"):
        measure_prediction([tmp_path / "notes.txt"], "onnx", threads=1, rounds=1, images=1)
