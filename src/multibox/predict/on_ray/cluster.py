"""The cluster: which one, and how many detectors work on it."""

import logging
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any, Final

from multibox.errors import BadInput, first_line
from multibox.runtimes.packages import require_package

READING: Final = 0.1
"""Of a core, that reading takes; it mostly waits."""

STORE: Final = 500 * 2**20
"""Bytes of shared memory for pictures on their way, where the cluster is this machine alone."""


@dataclass(frozen=True)
class Share:
    """What a detector takes of a machine.

    Attributes:
        cpus: cores; as many as it has threads, less what leaves room for reading.
        gpus: accelerators.
    """

    cpus: float
    gpus: int = 0

    @classmethod
    def of(cls, threads: int, on_gpu: bool) -> "Share":
        """The share of a detector that computes with some threads, or on a GPU."""
        return cls(threads - READING, int(on_gpu))

    def fitting(self, nodes: Iterable[Mapping[str, float]]) -> int:
        """How many detectors nodes hold, each told by what it has of ``CPU`` and ``GPU``."""
        return sum(self._on(node) for node in nodes)

    def _on(self, node: Mapping[str, float]) -> int:
        by_cpus = int(node.get("CPU", 0) / self.cpus + 1e-6)
        return min(by_cpus, int(node.get("GPU", 0) / self.gpus)) if self.gpus else by_cpus


@contextmanager
def joined() -> Iterator[Any]:
    """Join the cluster of ``RAY_ADDRESS``, or without it make one of this machine, until the block ends.

    Where the process has joined one already, it is that one, and stays.

    Yields:
        the module ``ray``.

    Raises:
        BadInput: Ray is not installed, or no cluster answers.
    """
    require_package("ray", "--engine ray", "Ray", "ray")
    require_package("pyarrow", "--engine ray", "PyArrow", "ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray tells nobody that it is used
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_DATA_LOG_LEVEL", "ERROR")
    import ray

    if ray.is_initialized():
        yield ray
        return
    address = os.environ.get("RAY_ADDRESS") or "local"
    _refuse_unanswered(address)
    own = {"include_dashboard": False, "object_store_memory": STORE} if address == "local" else {}
    try:
        with _silence():
            ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **own)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise BadInput(f"RAY_ADDRESS={address}", f"no cluster answers: {first_line(error)}") from None
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):  # there it tells of dead nodes
        try:
            yield ray
        finally:
            ray.shutdown()


def nodes_of(ray: Any) -> list[dict[str, float]]:
    """What each living node of the cluster has."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _refuse_unanswered(address: str) -> None:
    """Ask whether anyone is there: Ray itself would ask for minutes, and then end the process."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return  # "local" or "auto"
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise BadInput(f"RAY_ADDRESS={address}", f"no cluster answers: {error.strerror or error}") from None


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing on the error stream, where Ray's C++ says that it was told to be quiet."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
