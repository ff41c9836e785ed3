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

from multibox.config import Train
from multibox.errors import BadInput, HostLost, RunFailed, Stopped
from multibox.torchrun import place

LEAVE_SECONDS = 30
"""Seconds that the first process waits at its end for the others before it kills them."""


def require_torch(backend: str) -> None:
    """Verify that Keras runs on PyTorch if torchrun has started this process as one of several.

    Raises:
        BadInput: Keras runs on another backend, on which each process would make the whole run.
    """
    if place() is not None and backend != "torch":
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


_others: list[Other] = []
"""The processes that this one has started."""


def require_alive() -> None:
    """Verify that all processes that this one has started still run.

    Raises:
        HostLost: One has ended.
    """
    if any(other.process.poll() is not None for other in _others):
        raise HostLost("another process of the run has ended")


def require_even(batch: int, count: int) -> None:
    """Verify that devices can share a batch evenly.

    Raises:
        BadInput: They cannot.
    """
    if batch % count:
        raise BadInput(
            "train.batch",
            f"{batch} images cannot be split evenly over {count} devices; choose a multiple of {count}",
        )


@contextmanager
def a_process_for_each(config: Train) -> Iterator[None]:
    """Start the other processes of a run on this machine, with the command line of this process, which is the first.

    They print nothing. Nothing is started for a single device, or if torchrun has started this process.

    Args:
        config: Training configuration with the number of devices and the batch that they share.

    Raises:
        BadInput: The batch cannot be split evenly, or the machine has fewer GPUs than asked for.
        RunFailed: Another process has failed.
    """
    if config.devices == 1 or place() is not None:
        yield
        return
    from multibox.models.torch_processes import require_gpus

    require_even(config.batch, config.devices)
    require_gpus(config.devices)
    with ExitStack() as until_end:
        group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
        group |= {name: str(config.devices) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE")}
        os.environ |= group | {"RANK": "0", "LOCAL_RANK": "0"}
        before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        until_end.callback(signal.signal, signal.SIGTERM, before)
        until_end.callback(_others.clear)
        _others[:] = [_start(rank, until_end.enter_context(TemporaryFile())) for rank in range(1, config.devices)]
        try:
            yield
        except HostLost as error:
            raise RunFailed(_complaints() or str(error)) from error
        except Stopped:
            _end(LEAVE_SECONDS)
            raise
        except BaseException:
            _end(0)
            raise
        if complaints := _complaints():
            raise RunFailed(complaints)


def _end(seconds: float) -> None:
    for other in _others:
        try:
            other.process.wait(seconds)
        except subprocess.TimeoutExpired:
            other.process.kill()
            other.process.wait()


def _complaints() -> str:
    """What made other processes fail, in one line. Empty if they were successful."""
    _end(LEAVE_SECONDS)
    return "; ".join(complaint for other in _others if (complaint := other.complaint()))


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
