"""The processes of a run on PyTorch, one for each device: started here, or found started by torchrun."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any

from multibox.errors import BadInput, HostLost, RunFailed, Stopped

LEAVE_SECONDS = 30
"""Seconds that the first process waits at its end for the others before it kills them."""


def started_by_torchrun() -> bool:
    """Whether this process is one of several that torchrun, or a launcher with the same variables, has started."""
    return os.environ.get("WORLD_SIZE", "1") != "1" and "RANK" in os.environ


def require_torch(backend: str) -> None:
    """Verify that Keras runs on PyTorch if torchrun has started this process as one of several.

    Raises:
        BadInput: Keras runs on another backend, on which each process would make the whole run.
    """
    if started_by_torchrun() and backend != "torch":
        raise BadInput("backend", f"torchrun starts processes for PyTorch, not for {backend}; choose torch")


@dataclass(frozen=True)
class Other:
    """Another process of the run.

    Attributes:
        rank: Its index among the processes, from 1.
        process: The process.
        errors: File that it prints its errors to.
    """

    rank: int
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def complaint(self) -> str | None:
        """What made the process fail, in one line. None if it was successful."""
        status = self.process.returncode
        if status < 0:
            return f"process {self.rank} was ended by {signal.Signals(-status).name}"
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return f"process {self.rank}: {lines[-1] if lines else f'exit status {status}'}" if status else None


@contextmanager
def a_process_for_each(devices: int) -> Iterator[None]:
    """Start the other processes of a run on this machine, with the command line of this process, which is the first.

    They print nothing. Nothing is started if torchrun has started this process.

    Args:
        devices: Number of processes, this one included.

    Raises:
        RunFailed: Another process has failed.
    """
    if devices == 1 or started_by_torchrun():
        yield
        return
    with ExitStack() as until_end:
        group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
        group |= {name: str(devices) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE")}
        os.environ |= group | {"RANK": "0", "LOCAL_RANK": "0"}
        others = [_start(rank, until_end.enter_context(TemporaryFile())) for rank in range(1, devices)]
        try:
            yield
        except HostLost as error:
            raise RunFailed(_complaints(others) or str(error)) from error
        except Stopped:
            _end(others)
            raise
        except BaseException:
            _end(others, seconds=0)
            raise
        if complaints := _complaints(others):
            raise RunFailed(complaints)


def _end(others: list[Other], seconds: float = LEAVE_SECONDS) -> None:
    for other in others:
        try:
            other.process.wait(seconds)
        except subprocess.TimeoutExpired:
            other.process.kill()
            other.process.wait()


def _complaints(others: list[Other]) -> str:
    """What made other processes fail, in one line. Empty if they were successful."""
    _end(others)
    return "; ".join(complaint for other in others if (complaint := other.complaint()))


def _start(rank: int, errors: IO[bytes]) -> Other:
    environment = {**os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank)}
    command = [sys.executable, *sys.orig_argv[1:]]
    process: Any = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
    )
    return Other(rank, process, errors)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
