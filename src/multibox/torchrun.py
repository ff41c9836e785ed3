"""The place of this process among those that ``torchrun`` has started."""

import os
from dataclasses import dataclass

from multibox.errors import BadInput
from multibox.machine import cores


@dataclass(frozen=True)
class Place:
    """The place of a process in a run of several processes, as PyTorch's environment variables tell it.

    Attributes:
        rank: Index among all processes, from 0.
        world: Number of all processes, at least 2.
        local_rank: Index among the processes of this host, from 0.
        local_world: Number of processes on this host.
    """

    rank: int
    world: int
    local_rank: int
    local_world: int


def place() -> Place | None:
    """The place of this process, or None if it is alone.

    It is one of several if ``RANK`` is set and ``WORLD_SIZE`` is above 1. Without ``LOCAL_RANK`` and
    ``LOCAL_WORLD_SIZE``, it is the only one on its host.

    Raises:
        BadInput: If a variable is not a whole number, or a rank is not below the number of processes.
    """
    if "RANK" not in os.environ or os.environ.get("WORLD_SIZE", "1") == "1":
        return None
    world, local_world = _number("WORLD_SIZE", least=1), _number("LOCAL_WORLD_SIZE", "1", least=1)
    return Place(_number("RANK", below=world), world, _number("LOCAL_RANK", "0", below=local_world), local_world)


def share_of_cores() -> int:
    """Number of CPU cores for this process, which shares them with the others on its host."""
    own = place()
    return cores() if own is None else max(1, cores() // own.local_world)


def _number(name: str, default: str = "", least: int = 0, below: int | None = None) -> int:
    text = os.environ.get(name, default)
    if not text.isdecimal() or int(text) < least or (below is not None and int(text) >= below):
        numbers = f"from {least} to {below - 1}" if below is not None else f"of at least {least}"
        raise BadInput(f"${name}", f"{text!r} is not a whole number {numbers}; unset it, or start with torchrun")
    return int(text)
