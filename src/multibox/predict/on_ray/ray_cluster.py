"""Joins the Ray cluster, and counts the detectors that fit on it."""

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
"""Share of a core that is reserved for a task that reads images. Such a task mostly waits for the disk or network."""

STORE: Final = 500 * 2**20
"""Bytes of shared memory for images that are passed between processes, if the cluster was started on this machine
alone."""


@dataclass(frozen=True)
class Share:
    """The resources that one detector takes from a machine.

    Attributes:
        cpus: Number of cores reserved for each detector: one per thread, less a fraction that is left for the tasks
            that read images.
        gpus: Number of GPUs that each detector takes.
    """

    cpus: float
    gpus: int = 0

    @classmethod
    def of(cls, threads: int, on_gpu: bool) -> "Share":
        """The resources that a detector takes, given its number of threads and whether it runs on a GPU."""
        return cls(threads - READING, int(on_gpu))

    def fitting(self, nodes: Iterable[Mapping[str, float]]) -> int:
        """Count the detectors that fit on the cluster, given the amounts of ``CPU`` and ``GPU`` of each node."""
        return sum(self._on(node) for node in nodes)

    def _on(self, node: Mapping[str, float]) -> int:
        by_cpus = int(node.get("CPU", 0) / self.cpus + 1e-6)
        return min(by_cpus, int(node.get("GPU", 0) / self.gpus)) if self.gpus else by_cpus


@contextmanager
def joined() -> Iterator[Any]:
    """Join the Ray cluster at ``RAY_ADDRESS`` until the block ends, or start one here if the variable is not set.

    If the process is already connected to a cluster, that one is used, and the connection stays open.

    Yields:
        The module ``ray``.

    Raises:
        BadInput: Ray is not installed, or no cluster answers.
    """
    require_package("ray", "engine", "Ray", "ray")
    require_package("pyarrow", "engine", "PyArrow", "ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # no usage reports
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
        raise _no_answer(address, first_line(error)) from None
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):  # Ray prints dead nodes there
        try:
            yield ray
        finally:
            ray.shutdown()


def nodes_of(ray: Any) -> list[dict[str, float]]:
    """Resources of each living node of the cluster: a dict from names such as ``CPU`` to amounts."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _refuse_unanswered(address: str) -> None:
    """Verify that a cluster answers at an address. Ray itself would retry for minutes, and then end the process."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return  # "local" or "auto"
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise _no_answer(address, error.strerror or str(error)) from None


def _no_answer(address: str, reason: str) -> BadInput:
    return BadInput(f"RAY_ADDRESS={address}", f"no cluster answers: {reason}; start it, or unset the variable")


@contextmanager
def _silence() -> Iterator[None]:
    """Discard standard error during the block, because Ray's C++ code prints there even if Ray is silenced."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
