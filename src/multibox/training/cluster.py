"""Which hosts train together, one process on each, and how they connect.

Values that are not given come from the environment. Kubernetes numbers the pods of an indexed job. SLURM's ``srun``
sets variables for each task of a job step. Most of these variables are also set in a SLURM batch script, which runs
alone. So only the variables of a step are used.
"""

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from multibox.errors import BadInput

Value = TypeVar("Value")

log = logging.getLogger(__name__)

JOIN_SECONDS = 300
"""Seconds that hosts wait for one another at the start."""
SILENT_SECONDS = 60
"""Seconds without a message after which a host counts as lost, and the other hosts end."""
LEAVE_SECONDS = 30
"""Seconds that an ending host waits for the other hosts before all are stopped."""
PORTS = range(61440, 65536)
"""Ports at which the hosts of a SLURM job connect. The job's number selects one, so that jobs on the same machine use
different ports."""


@dataclass(frozen=True)
class Cluster:
    """The hosts that train together, and the index of this host.

    Attributes:
        hosts: Number of hosts, at least 2.
        host: Index of this host among all hosts, from 0.
        coordinator: ``ADDRESS:PORT`` of host 0, to which all hosts connect.
    """

    hosts: int
    host: int
    coordinator: str

    def join(self) -> None:
        """Connect to the other hosts. This must be called before Keras is imported.

        If a host does not connect in time, or is lost later, JAX prints a message and ends this process. Keras'
        ``distribution.initialize`` is not used, because under SLURM it would take one accelerator of each host.

        Raises:
            BadInput: If ``$KERAS_BACKEND`` is not JAX.
        """
        if os.environ.get("KERAS_BACKEND") != "jax":
            raise BadInput(
                "hosts",
                f"{self.hosts} hosts need JAX; set backend=jax. On PyTorch, start a process a device by torchrun",
            )
        import jax

        last, minutes = self.hosts - 1, JOIN_SECONDS // 60
        log.info(
            f"host {self.host} of {self.hosts} (0 to {last}) waits up to {minutes} minutes for the others at "
            f"{self.coordinator}"
        )
        jax.distributed.initialize(
            self.coordinator,
            self.hosts,
            self.host,
            cluster_detection_method="deactivate",
            initialization_timeout=JOIN_SECONDS,
            heartbeat_timeout_seconds=SILENT_SECONDS,
            shutdown_timeout_seconds=LEAVE_SECONDS,
        )


def find_cluster(
    hosts: int | None = None,
    host: int | None = None,
    coordinator: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Cluster | None:
    """Find the hosts that train together.

    Arguments that are None come from the environment: ``hosts`` from ``MULTIBOX_HOSTS``, ``coordinator`` from
    ``MULTIBOX_COORDINATOR``, ``host`` from Kubernetes' ``JOB_COMPLETION_INDEX``, and all of them from a SLURM step of
    several tasks.

    Args:
        hosts: Number of hosts. 1 trains on this host alone, whatever the environment contains.
        host: Index of this host among all hosts, from 0.
        coordinator: ``ADDRESS:PORT`` of host 0, to which all hosts connect.
        environment: Environment variables by name.

    Returns:
        The hosts that train together, or None if this host trains alone.

    Raises:
        BadInput: If a value is missing or contradicts the others.
    """
    if hosts == 1:
        return None
    steps_hosts, steps_host, steps_coordinator = _slurm_step(environment)
    count = _first(hosts, _number(environment, "MULTIBOX_HOSTS"), steps_hosts)
    if count is None and not (host is None and coordinator is None):
        raise BadInput("hosts", "is missing, although host or coordinator is given; set hosts=NUMBER")
    if count is None or count < 2:
        return None
    index = _first(host, _number(environment, "JOB_COMPLETION_INDEX"), steps_host)
    address = _first(coordinator, environment.get("MULTIBOX_COORDINATOR"), steps_coordinator)
    if index is None:
        raise BadInput("host", f"is missing; give the index of this host among {count} hosts, 0 to {count - 1}")
    if index >= count:
        raise BadInput("host", f"{index} is not the index of one of {count} hosts; choose 0 to {count - 1}")
    if not address or not re.fullmatch(r".+:\d+", address):
        raise BadInput("coordinator", f"{address or 'missing'}; give ADDRESS:PORT of host 0, a port that is free there")
    return Cluster(count, index, address)


def _slurm_step(environment: Mapping[str, str]) -> tuple[int | None, int | None, str | None]:
    """Number of hosts, index and coordinator from the variables that ``srun`` sets for a step with several tasks.

    The section on output environment variables in the manual of ``srun`` defines these variables.
    """
    count = _number(environment, "SLURM_STEP_NUM_TASKS")
    if count is None or count == 1:
        return None, None, None
    job, nodes = _number(environment, "SLURM_JOB_ID"), environment.get("SLURM_STEP_NODELIST")
    coordinator = f"{first_node(nodes)}:{PORTS[job % len(PORTS)]}" if nodes and job is not None else None
    return count, _number(environment, "SLURM_PROCID"), coordinator


def first_node(nodes: str) -> str:
    """The first node of a list in SLURM's notation, such as ``gpu07`` for ``gpu[07,09-12],cpu1``."""
    first = re.match(r"(?:[^,\[]|\[[^\]]*\])+", nodes)
    return re.sub(r"\[(\d+)[^\]]*\]", r"\1", first[0] if first else nodes)


def _first(*values: Value | None) -> Value | None:
    return next((value for value in values if value is not None), None)


def _number(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise BadInput(f"${name}", f"{text!r} is not a whole number")
    return int(text)
