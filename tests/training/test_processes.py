"""Processes of a run on PyTorch, which the first of them starts."""

import json
import os
import subprocess
import sys
import time

import pytest

pytest.importorskip("torch")

from multibox.config import Train
from multibox.config_file import load_config
from multibox.errors import BadInput, HostLost, RunFailed, Stopped
from multibox.models import torch_processes
from multibox.training import processes
from multibox.training.processes import a_process_for_each, require_alive
from multibox.training.train import train


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """This process's own environment is restored, as the first process changes it."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in ("RANK", "WORLD_SIZE"):
        os.environ.pop(name, None)


@pytest.fixture
def others_run(monkeypatch):
    """Let the other processes run a program instead of this command line."""
    return lambda program: monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", program])


def run_on(devices):
    return Train(devices=devices, batch=6)


def test_each_process_knows_its_number(others_run, tmp_path):
    others_run(
        "import json, os\n"
        "names = 'RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'\n"
        f"with open({str(tmp_path)!r} + '/' + os.environ['RANK'], 'w') as file:\n"
        "    json.dump([os.environ[name] for name in names], file)"
    )
    with a_process_for_each(run_on(3)):
        own = [os.environ[name] for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE")]
        address = [os.environ[name] for name in ("MASTER_ADDR", "MASTER_PORT")]
    assert own == ["0", "0", "3"]
    found = {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert found == {rank: [rank, rank, "3", "3", *address] for rank in ("1", "2")}


def test_nothing_is_started_for_one_device_or_by_torchrun(others_run, tmp_path, monkeypatch):
    others_run(f"open({str(tmp_path / 'started')!r}, 'w')")
    with a_process_for_each(run_on(1)):
        pass
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with a_process_for_each(run_on(2)):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise SystemExit('multibox: disk full')", "process 1: multibox: disk full"),
        ("raise SystemExit(3)", "process 1: exit status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "process 1 was ended by SIGKILL"),
    ],
)
@pytest.mark.parametrize("error", [HostLost("another host has ended"), None])
def test_what_made_another_process_fail_is_said(others_run, program, message, error):
    others_run(program)
    with pytest.raises(RunFailed, match=f"^{message}$"):
        first_process(error)


def first_process(error):
    with a_process_for_each(run_on(2)):
        if error:
            raise error


def test_the_first_process_says_its_own_error_and_waits_for_nobody(others_run):
    others_run("import time; time.sleep(600)")
    since = time.monotonic()
    with pytest.raises(BadInput, match=r"^train\.batch: must be even$"), a_process_for_each(run_on(2)):
        raise BadInput("train.batch", "must be even")
    assert time.monotonic() - since < 20


SIGNALLED = """
import os, signal, time
from pathlib import Path
from multibox.config import Train
from multibox.training.processes import a_process_for_each

started = Path("pid")
if "RANK" in os.environ:
    Path("writing").write_text(str(os.getpid()))
    Path("writing").rename(started)
    time.sleep(600)
try:
    with a_process_for_each(Train(devices=2, batch=6)):
        while not started.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
finally:
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
"""


def test_a_signal_to_the_first_process_ends_the_others(tmp_path):
    """Before the run itself answers to signals. The test runner sends none to itself, as an error would end it."""
    ended = subprocess.run([sys.executable, "-c", SIGNALLED], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (143, "")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_process_that_ends_before_it_connects_is_noticed(others_run):
    others_run("raise SystemExit('multibox: out of memory')")
    with pytest.raises(RunFailed, match=r"^process 1: multibox: out of memory$"), a_process_for_each(run_on(2)):
        torch_processes.join(require_alive)


def test_an_odd_batch_is_refused_before_anything_is_started(others_run, tmp_path):
    others_run(f"open({str(tmp_path / 'started')!r}, 'w')")
    with pytest.raises(BadInput, match=r"^train\.batch: 6 images cannot be split"), a_process_for_each(run_on(4)):
        pass
    assert not list(tmp_path.iterdir())


def test_others_may_save_nothing_but_end_by_themselves_when_a_run_is_stopped(others_run, tmp_path):
    others_run(f"import time; time.sleep(0.5); open({str(tmp_path / 'ended')!r}, 'w')")
    with pytest.raises(Stopped), a_process_for_each(run_on(2)):
        raise Stopped("stopped after step 3", 15)
    assert (tmp_path / "ended").exists()


def test_a_process_that_does_not_end_is_killed(others_run, monkeypatch):
    others_run("import time; time.sleep(600)")
    monkeypatch.setattr(processes, "LEAVE_SECONDS", 0.2)
    with pytest.raises(RunFailed, match="process 1 was ended by SIGKILL"), a_process_for_each(run_on(2)):
        pass


def test_torchrun_with_another_backend_is_refused(monkeypatch):
    for name, value in {"RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=r"^backend: torchrun .* not for tensorflow; choose torch$"):
        train("photos")


@pytest.mark.slow
def test_a_run_on_two_devices_goes_on_and_fails_in_one_line(store_root, tmp_path):
    """By the command line: the first process alone prints and writes. Too many hands for the batch are refused."""
    pytest.importorskip("torch")

    def multibox(*arguments):
        environment = {**os.environ, "MULTIBOX_DATA": str(store_root), "KERAS_BACKEND": "torch"}
        command = [sys.executable, "-m", "multibox", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)

    fields = ["network.size=[128,128]", "network.weights=none", "network.batch_norm=trained", "data.workers=0"]
    short = [*fields, "train.batch=2", "train.steps_per_epoch=2", "train.epochs=1", "train.log_every=1"]
    refused = multibox("train", "--data", "tiny", "--devices", "2", *fields, "train.batch=3")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith("multibox: train.batch: 3 images cannot be split evenly over 2")
    assert not (tmp_path / "experiments").exists()

    made = multibox("train", "--data", "tiny", "--devices", "2", "--name", "two", *short)
    assert made.returncode == 0, made.stderr
    assert made.stdout.count("experiments/two/best.keras") == 1
    assert load_config(tmp_path / "experiments/two/config.yaml").train.devices == 2
    resumed = multibox("train", "--resume", "two", "train.epochs=2")
    assert resumed.returncode == 0, resumed.stderr
    assert "has made 2 of 4 steps" in resumed.stderr
    assert [path.name for path in (tmp_path / "experiments").iterdir()] == ["two"]
