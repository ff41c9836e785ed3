import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import worker_items
from multibox.data.store_writer import write_store
from multibox.errors import BadInput, RunFailed
from multibox.prepare.workers import Workers

TESTS = Path(worker_items.__file__).parent


@pytest.fixture(autouse=True)
def _never_hang(request):
    """A test that waits for ever fails."""

    def fail(*_):
        raise TimeoutError("the test hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(150 if request.node.get_closest_marker("slow") else 40)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def first(items, workers, count):
    with contextlib.closing(Workers(items, workers)) as ready:
        return [next(ready) for _ in range(count)]


def running(pids):
    """Those of the processes that have not ended; one that nobody has buried has."""
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    states = dict(line.split()[:2] for line in listing.splitlines())
    return [pid for pid in pids if not states.get(str(pid), "Z").startswith("Z")]


def wait_until_gone(pids, seconds=10):
    end = time.monotonic() + seconds
    while running(pids) and time.monotonic() < end:
        time.sleep(0.05)
    assert running(pids) == []


def start(code, *arguments, **options):
    """A script of a user's, in a process group of its own as a terminal gives it."""
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        [sys.executable, *arguments, *(["-c", code] if code else [])],
        env=environment,
        start_new_session=True,
        **pipes | options,
    )


def test_items_come_in_order_from_as_many_processes_as_asked_for():
    assert first(range(100), 3, 20) == list(range(20))
    pids = first(worker_items.Pids(), 2, 8)
    assert len(set(pids[::2])) == len(set(pids[1::2])) == 1
    assert len({*pids, os.getpid()}) == 3


def test_closing_leaves_no_process_and_no_thread():
    threads = threading.active_count()
    ready = Workers(worker_items.Pictures(), 2)
    pids = {next(ready)[0] for _ in range(5)}
    began = time.monotonic()
    ready.close()
    assert time.monotonic() - began < 5
    assert running(pids) == []
    assert threading.active_count() == threads
    ready.close()
    assert list(ready) == []


def test_closing_before_the_first_item():
    Workers(worker_items.Endless(), 2).close()


def test_closing_wakes_whoever_waits():
    ready, got = Workers(worker_items.Slow(), 1), []
    waiting = threading.Thread(target=lambda: got.extend(ready))
    waiting.start()
    time.sleep(0.2)
    ready.close()
    waiting.join(5)
    assert not waiting.is_alive()
    assert got == []


def test_what_a_worker_prints_is_not_taken_for_an_item(capfd):
    assert first(worker_items.Chatter(), 1, 3) == [0, 1, 2]
    assert "chatter" not in capfd.readouterr().out


def test_an_error_in_a_worker_arrives_as_what_it_is_after_the_items_before_it():
    with contextlib.closing(Workers(worker_items.Broken("bad input"), 2)) as ready:
        assert [next(ready) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(BadInput, match=r"^photos/bad\.jpg: is cut off$"):
            next(ready)


def test_a_bug_in_a_worker_arrives_with_where_it_happened():
    with pytest.raises(IndexError) as caught:
        first(worker_items.Broken("bug"), 1, 4)
    assert "return [][position]" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="raise Unsendable"):
        first(worker_items.Broken("unsendable"), 1, 4)
    with pytest.raises(LookupError, match="no such thing here"):
        first(worker_items.Unreadable(), 1, 1)


def test_items_that_cannot_be_sent_are_refused_before_anything_starts():
    with pytest.raises(AttributeError, match="Can't pickle local object"):
        Workers([lambda: 0], 2)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-9, r"^a worker process was killed \(signal 9\), probably .*; lower data\.workers or train\.batch$"),
        (-11, r"^a worker process was killed \(signal 11\); .*set data\.workers=0 to train without worker processes$"),
        (3, r"^a worker process ended with exit code 3; its own error message is printed above; set data\.workers=0"),
        (0, r"^a worker process ended with exit code 0; "),
    ],
)
def test_a_worker_that_dies_is_told_in_a_line_and_is_not_waited_for(code, message):
    with contextlib.closing(Workers(worker_items.Dying(code), 2)) as ready:
        assert [next(ready) for _ in range(3)] == [0, 1, 2]
        began = time.monotonic()
        with pytest.raises(RunFailed, match=message):
            next(ready)
        assert time.monotonic() - began < 5


def test_a_worker_that_is_killed_in_the_middle_of_an_item():
    with contextlib.closing(Workers(worker_items.Pictures(), 2)) as ready:
        pid, _ = next(ready)
        time.sleep(0.5)  # It has two items ready, and waits for the pipe with half of the third in it.
        ready.check()
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(RunFailed, match=r"killed \(signal 9\)"):
            list(ready)
        with pytest.raises(RunFailed, match=r"killed \(signal 9\)"):
            ready.check()
        assert time.monotonic() - began < 5
    ready.check()


READ = """
import os, signal, sys, time, worker_items
from multibox.prepare.workers import Workers
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins without it
ready = Workers(worker_items.Pictures(), 2)
print(*(next(ready)[0] for _ in range(2)), flush=True)
"""

ENDS = {
    "falls off its end": ("", None, 0),
    "exits": ("sys.exit(3)", None, 3),
    "raises": ("raise KeyError('mine')", None, 1),
    "is interrupted": ("time.sleep(60)", lambda process: process.send_signal(signal.SIGINT), -signal.SIGINT),
    "is interrupted at the terminal": (
        "\nwhile True: next(ready)",
        lambda process: os.killpg(process.pid, signal.SIGINT),
        -signal.SIGINT,
    ),
    "is terminated": ("time.sleep(60)", lambda process: process.terminate(), -signal.SIGTERM),
    "is killed": ("\nwhile True: next(ready)", lambda process: process.kill(), -signal.SIGKILL),
}


@pytest.mark.parametrize("end", ENDS)
def test_workers_end_with_a_script_that_closes_nothing_and(end):
    """Whatever way it ends; nothing is printed but the traceback of the script itself, and nothing is left over."""
    last_line, act, code = ENDS[end]
    process = start(READ + last_line)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    if act:
        assert len(running(pids)) == 2
        act(process)
    error = process.communicate(timeout=20)[1]
    assert process.returncode == code
    assert error.count("Traceback") == (code in (1, -signal.SIGINT))
    assert error == "" or error.startswith("Traceback")
    assert error == "" or error.splitlines()[-1] in ("KeyError: 'mine'", "KeyboardInterrupt")
    wait_until_gone(pids)


BATCHES = """
import sys, worker_items
from multiprocessing import resource_tracker
from multibox.config_file import load_config
from multibox.data.store import open_store
from multibox.models.maps import network_priors
from multibox.prepare.pipeline import training_batches
print("here")
config = load_config(overrides=["data.workers=2", "network.size=[128,128]", "train.batch=2"])
priors_rel = network_priors(config.network, config.priors)
store = worker_items.WatchedStore(open_store("tiny/train"), only_in_workers=True)
batches = training_batches([store], store.meta.classes, priors_rel, config)
print([next(batches)[0].shape for _ in range(3)][-1])
print(resource_tracker._resource_tracker._pid)
"""


@pytest.mark.parametrize("way", ["a file", "standard input", pytest.param("a prompt", marks=pytest.mark.slow)])
def test_a_script_needs_no_guard_and_workers_do_not_run_it(way, store_root, tmp_path):
    """Also: the resource tracker, which warns of shared memory and semaphores left over, has nothing to watch."""
    script = tmp_path / "script.py"
    script.write_text(BATCHES)
    arguments = {"a file": [script], "standard input": ["-"], "a prompt": ["-i", "-q"]}[way]
    with open(script) as file:
        process = start("", *arguments, stdin=file)
        out, error = process.communicate(timeout=60)
    assert out.splitlines() == ["here", "(2, 128, 128, 3)", "None"], error
    assert process.returncode == 0
    assert "Traceback" not in error


SMALL = {
    "network.size": [128, 128],
    "network.weights": "none",
    "network.batch_norm": "trained",
    "data.workers": 2,
    "train.batch": 2,
    "train.epochs": 1,
    "train.steps_per_epoch": 3,
    "train.log_every": 1,
}

TRAIN = f"""
from multibox import train  # and with it Keras
import multibox.training.setup, worker_items
opened = multibox.training.setup.open_stores
multibox.training.setup.open_stores = lambda names: [worker_items.WatchedStore(store) for store in opened(names)]
print("here")
print(train("tiny", overrides={SMALL | {"data.val": []}}, name="first").model.name)
"""


@pytest.mark.slow
def test_training_without_a_guard_in_workers_that_import_no_keras(store_root, tmp_path):
    process = start(TRAIN, cwd=tmp_path)
    out, error = process.communicate(timeout=120)
    assert out.splitlines() == ["here", "best.keras"], error
    assert process.returncode == 0


def children(parent):
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    return [int(pid) for pid, above, called in rows if int(above) == parent and "workers.serve" in called]


@pytest.mark.slow
def test_a_worker_that_is_killed_ends_training_with_one_line_and_code_1(store_root, tmp_path):
    overrides = [f"{name}={value}" for name, value in (SMALL | {"train.steps_per_epoch": 5000}).items()]
    command = [sys.executable, "-m", "multibox", "train", "--data", "tiny", *overrides]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "step 2/" in line:
            break
    pids = children(process.pid)
    assert len(pids) == 2
    began = time.monotonic()
    os.kill(pids[0], signal.SIGKILL)
    error = [line for line in process.stderr if not line.startswith("epoch")]
    assert time.monotonic() - began < 10
    assert process.wait(20) == 1
    assert len(error) == 1
    assert error[0].startswith(
        "multibox: a worker process was killed (signal 9), probably for lack of memory; lower data.workers"
    )
    wait_until_gone(pids)


@pytest.mark.slow
def test_an_image_that_cannot_be_decoded_ends_training_with_its_name(tmp_path, monkeypatch, make_record):
    """TensorFlow reads the batches, and makes an error of its own of it."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    broken = dataclasses.replace(make_record(1), image=b"oh", source="photos/bad.jpg")
    write_store("pets", "train", [make_record(0), broken], ("cat",))
    overrides = [f"{name}={value}" for name, value in SMALL.items()]
    command = [sys.executable, "-m", "multibox", "train", "--data", "pets", *overrides]
    done = subprocess.run(command, check=False, cwd=tmp_path, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("multibox: photos/bad.jpg: ")
    assert "Traceback" not in done.stderr
