"""A cluster of two nodes: a node is killed in the middle, the driver is killed, and nothing is lost or doubled."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.detect.load import load
from multibox.predict.on_ray import run
from multibox.predict.predict import predict
from multibox.predict.sources import find_sources
from tiny_onnx import write_tiny_onnx

pytestmark = [pytest.mark.slow, pytest.mark.long]

COUNT, PART = 64, 4
OPTIONS = {"score": 0.6, "tiles": "1x2"}
DRIVER = """
import time
from multibox.predict.on_ray import run

class Slow(run._Detect):
    def __call__(self, pictures):
        time.sleep(0.5)
        return super().__call__(pictures)

run.READ, run._Detect = 4, Slow
list(run.predict_on_ray("tiny.onnx", ["pictures"], "out", score=0.6, tiles="1x2", part=4))
"""


@pytest.fixture(scope="module")
def cluster():
    """A head of one core, that ``RAY_ADDRESS`` names; tests add nodes."""
    pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield cluster
    cluster.shutdown()


@pytest.fixture
def node(cluster):
    """A second node of one core, so that each node holds one actor."""
    node = cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    yield node
    if node in cluster.list_all_nodes():
        cluster.remove_node(node)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with a model and pictures, one of which is broken."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "READ", 4)
    write_tiny_onnx(tmp_path / "tiny.onnx")
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for n in range(COUNT):
        cv2.imwrite(f"pictures/{n:03}.jpg", rng.integers(0, 255, (60 + n, 90, 3)).astype(np.uint8))
    Path("pictures/040.jpg").write_bytes(b"broken")
    return tmp_path


def parts() -> list[Path]:
    return sorted(Path("out").glob("part-*.parquet"))


def wait(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def expected() -> list[dict]:
    """What one process finds, by the names that a cluster gives the files."""
    sources = find_sources([str(Path("pictures").absolute())])
    detector = load("tiny.onnx", threads=1, tiles=OPTIONS["tiles"])
    return [row.to_json() for row in predict(detector, sources, score=OPTIONS["score"], keep=False)]


def assert_complete():
    """Each picture is there once, in order, with what one process finds in it."""
    from pyarrow import parquet

    table = parquet.read_table("out")
    wanted = expected()
    assert table["file"].to_pylist() == [row["file"] for row in wanted]
    assert len(parts()) == COUNT // PART
    for row, want in zip(table.to_pylist(), wanted, strict=True):
        if "error" in want:
            assert row["error"] == want["error"]
            continue
        assert (row["error"], row["width"], row["height"]) == (None, want["width"], want["height"])
        assert row["names"] == [found["name"] for found in want["detections"]]
        np.testing.assert_allclose(row["scores"], [found["score"] for found in want["detections"]], atol=2e-5)
        if row["boxes"]:
            np.testing.assert_allclose(row["boxes"], [found["box"] for found in want["detections"]], atol=0.02)


@pytest.fixture
def slow(monkeypatch):
    """Detecting in 4 pictures takes half a second; the class is local so that it travels to the actors whole."""

    class Slow(run._Detect):
        def __call__(self, pictures):
            time.sleep(0.5)
            return super().__call__(pictures)

    monkeypatch.setattr(run, "_Detect", Slow)


def has_actor(node) -> bool:
    from ray import is_initialized
    from ray._private import state

    actors = state.actors().values() if is_initialized() else ()
    return any(actor["State"] == "ALIVE" and actor["Address"]["NodeID"] == node.node_id for actor in actors)


def test_a_node_is_killed(cluster, node, slow):
    parts_then = []

    def kill():
        wait(lambda: has_actor(node))
        before = len(parts())
        wait(lambda: len(parts()) >= before + 2)
        parts_then.append(len(parts()))
        cluster.remove_node(node, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    found = list(run.predict_on_ray("tiny.onnx", ["pictures"], "out", part=PART, **OPTIONS))
    killer.join()
    assert 0 < parts_then[0] < COUNT // PART - 2
    assert len(found) == COUNT
    assert_complete()


def test_the_driver_is_killed(node):
    driver = subprocess.Popen([sys.executable, "-c", DRIVER])
    wait(lambda: len(parts()) >= 4)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    whole = {path: path.stat().st_mtime_ns for path in parts()}
    assert 4 <= len(whole) < COUNT // PART

    command = ["predict", "tiny.onnx", "pictures", "--engine", "ray", "--score", "0.6", "--tiles", "1x2"]
    result = CliRunner().invoke(main, [*command, "--out", "out", "--json"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"multibox: 1 of {COUNT} images could not be read: ")
    assert [row["file"] for row in json.loads(result.stdout)] == [row["file"] for row in expected()]
    assert {path: path.stat().st_mtime_ns for path in whole} == whole
    assert_complete()

    again = CliRunner().invoke(main, [*command, "--out", "out", "--json"])
    assert again.stdout == result.stdout
    other = CliRunner().invoke(main, [*command, "--out", "out", "--nms-iou", "0.3"])
    assert other.exit_code == 2
    message = "holds a run with another nms_iou; choose another folder, or move this one away"
    assert other.stderr == f"multibox: out: {message}\n"
