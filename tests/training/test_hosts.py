"""Hosts that train together make the run of one: here they are processes of one machine, without a shared folder."""

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.training import hosts
from multibox.training.checkpoint import Checkpoints
from multibox.training.cluster import Cluster, find_cluster, first_node

STEP = {
    "SLURM_JOB_ID": "4100",
    "SLURM_STEP_NUM_TASKS": "2",
    "SLURM_PROCID": "1",
    "SLURM_STEP_NODELIST": "gpu[07,09-12],cpu1",
    "SLURM_NTASKS": "2",
}


@pytest.mark.parametrize(
    ("given", "environment", "found"),
    [
        ((None, None, None), {}, None),
        ((2, 1, "a:1"), {}, Cluster(2, 1, "a:1")),
        ((None, None, None), STEP, Cluster(2, 1, "gpu07:61444")),  # 61440 + 4100 % 4096
        ((None, None, "b:2"), STEP, Cluster(2, 1, "b:2")),
        ((1, None, None), STEP, None),
        ((None, None, None), STEP | {"SLURM_STEP_NUM_TASKS": "1"}, None),
        ((None, None, None), {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}, None),  # a batch script
        ((None, None, None), {"JOB_COMPLETION_INDEX": "3"}, None),  # each pod of an indexed job a run of its own
        ((4, None, "job-0.pods:9000"), {"JOB_COMPLETION_INDEX": "3"}, Cluster(4, 3, "job-0.pods:9000")),
        (
            (None, None, None),
            {"JOB_COMPLETION_INDEX": "0", "MULTIBOX_HOSTS": "2", "MULTIBOX_COORDINATOR": "c:3"},
            Cluster(2, 0, "c:3"),
        ),
    ],
)
def test_hosts_are_found(given, environment, found):
    assert find_cluster(*given, environment) == found


@pytest.mark.parametrize(
    ("given", "environment", "message"),
    [
        ((None, 1, None), {}, "hosts: "),
        ((2, None, "a:1"), {}, "host: is missing; give the index of this host among 2 hosts, 0 to 1"),
        ((2, 2, "a:1"), {}, "host: 2 is not the index of one of 2 hosts"),
        ((2, 0, None), {}, "coordinator: missing"),
        ((2, 0, "nowhere"), {}, "coordinator: nowhere"),
        ((None, None, None), {"MULTIBOX_HOSTS": "two"}, r"\$MULTIBOX_HOSTS: 'two' is not a whole number"),
    ],
)
def test_hosts_that_cannot_be_found_are_refused(given, environment, message):
    with pytest.raises(BadInput, match=f"^{message}"):
        find_cluster(*given, environment)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("n1", "n1"), ("n1,m2", "n1"), ("n[001-015],m2", "n001"), ("n[1,7-9]", "n1"), ("r[1-2]n[3-4].x,y", "r1n3.x")],
)
def test_the_first_node_of_a_list(nodes, first):
    assert first_node(nodes) == first


def test_tensorflow_is_refused(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(BadInput, match="set backend=jax"):
        Cluster(2, 0, "a:1").join()


@dataclass
class Spy:
    """A detector that finds in an image its number."""

    runtime: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(devices=1))
    tiles: None = None

    def prepare(self, image):
        return int(image[0, 0, 0])

    def detect_each(self, images, size):
        return iter(images)


class Store(list):
    """Of records that are numbers."""


@pytest.mark.parametrize("total", [0, 1, 5, 6])
def test_each_image_is_counted_once(monkeypatch, total):
    """Three hosts one after the other, which make as many batches each."""
    monkeypatch.setattr("multibox.evaluation.evaluate.pixels_of", lambda i: np.full((1, 1, 3), i, np.uint8))
    monkeypatch.setattr(hosts, "count", lambda: 3)
    stores, shares, batches = [Store(range(2)), Store(range(2, total))] if total > 2 else [Store(range(total))], [], []

    def keep(share):
        shares.append(share)
        return [*shares, *[share] * (3 - len(shares))]

    monkeypatch.setattr(hosts, "gather", keep)
    for host in range(3):
        monkeypatch.setattr(hosts, "index", lambda host=host: host)
        seen = []
        found = hosts.detect_shares(Spy(), stores, batch=1, progress=lambda *done: seen.append(done))  # noqa: B023
        batches.append(len(seen))
    assert found == list(range(total))
    assert len(set(batches)) == 1


def start(backend, folder, store_root, count, host, port, what="runs"):
    folder.mkdir(parents=True, exist_ok=True)
    script = Path(__file__).with_name("hosts_run.py")
    environment = {**os.environ, "KERAS_BACKEND": backend, "MULTIBOX_DATA": str(store_root), "XLA_FLAGS": ""}
    environment |= as_torchrun(count, host, port) if backend == "torch" else {}
    return subprocess.Popen(
        [sys.executable, str(script), str(count), str(host), f"localhost:{port}", what],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def as_torchrun(count, host, port):
    """What torchrun sets for one of several processes."""
    numbers = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "RANK": host, "LOCAL_RANK": host, "MASTER_PORT": port}
    return {name: str(number) for name, number in numbers.items()} | {"MASTER_ADDR": "localhost"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


BACKENDS = pytest.mark.parametrize("backend", ["jax", "torch"])


@pytest.mark.slow
@BACKENDS
def test_two_hosts_make_the_run_of_one(store_root, tmp_path, backend):
    """Without a signal, with one to host 1 and a resume, and with a failure."""
    pytest.importorskip(backend)
    port = free_port()
    folders = [tmp_path / name for name in ("first", "second", "alone")]
    plan = [(2, 0), (2, 1), (1, 0)]
    processes = [start(backend, folder, store_root, *which, port) for folder, which in zip(folders, plan, strict=True)]
    ends = [json.loads(process.communicate(timeout=300)[0].splitlines()[-1]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]

    assert ends[0] == ends[1]
    assert ends[0]["whole"] == ends[2]["whole"]
    assert ends[0]["stopped"][0] == "Stopped"
    assert ends[0]["stopped"][1].startswith("stopped after step 4 of 10")  # a signal at step 3, looks at 2 and 4
    assert ends[0]["resumed"] == ["experiments/cut", ends[0]["whole"][1]]
    assert ends[0]["again"][0] == "BadInput"
    assert ends[0]["not finite"][0] == "RunFailed"
    assert ends[0]["not finite"][1].count("tiny/train/") == 8  # the images of all hosts

    assert not (folders[1] / "experiments").exists()
    last = {name: Checkpoints(folders[0] / f"experiments/{name}/checkpoints").latest() for name in ("whole", "cut")}
    alone = Checkpoints(folders[2] / "experiments/whole/checkpoints").latest()
    assert last["whole"].state == last["cut"].state == alone.state
    assert alone.state.step == 10
    for name, array in alone.arrays.items():
        np.testing.assert_allclose(last["whole"].arrays[name], array, rtol=0, atol=1e-5, err_msg=name)
        np.testing.assert_array_equal(last["cut"].arrays[name], last["whole"].arrays[name], err_msg=name)


@pytest.mark.slow
@BACKENDS
def test_a_lost_host_ends_the_others(store_root, tmp_path, backend):
    pytest.importorskip(backend)
    port = free_port()
    processes = [start(backend, tmp_path / str(host), store_root, 2, host, port, "lost") for host in range(2)]
    processes[1].wait(timeout=120)
    since = time.monotonic()
    out = processes[0].communicate(timeout=120)[0]
    assert processes[0].returncode != 0
    assert "another host has ended" in out
    assert time.monotonic() - since < 60
