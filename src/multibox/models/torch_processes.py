"""Processes that train together on PyTorch, one for each device. They are connected by ``torch.distributed``.

``torchrun`` and ``multibox train --devices`` start them, and set the environment variables that PyTorch defines:
``RANK`` and ``WORLD_SIZE``, ``LOCAL_RANK`` and ``LOCAL_WORLD_SIZE`` on each host, ``MASTER_ADDR`` and ``MASTER_PORT``.
"""

import atexit
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

import torch
from torch import distributed

from multibox.errors import BadInput, RunFailed, first_line
from multibox.torchrun import Place, place, share_of_cores

Tensor: TypeAlias = Any

JOIN_MINUTES = 5
"""Minutes that processes wait for one another at the start."""

WAIT_HOURS = 24
"""Hours that a process waits for another one that is busy, for example because it builds a dataset."""


def take_device() -> None:
    """Let this process compute on the CUDA device with its number on this host, if it is one of several.

    Raises:
        BadInput: This host has fewer CUDA devices than processes.
    """
    own = place()
    if own is not None and torch.cuda.is_available():
        require_gpus(own.local_world)
        torch.cuda.set_device(own.local_rank)


def require_gpus(count: int) -> None:
    """Verify that this machine has as many GPUs as processes, if it has any. A CPU is shared by any number.

    Raises:
        BadInput: This machine has fewer.
    """
    if torch.cuda.is_available() and count > torch.cuda.device_count():
        raise BadInput("devices", f"this machine has {torch.cuda.device_count()} GPUs; choose at most that many")


def join(watch: Callable[[], None]) -> None:
    """Connect this process to the others of its run. Nothing happens if it is alone or already connected.

    Args:
        watch: Function that is called again and again until all are connected. It may raise an error.

    Raises:
        RunFailed: Another process did not connect in time.
    """
    own = place()
    if own is None or distributed.is_initialized():
        return
    if not torch.cuda.is_available():
        torch.set_num_threads(share_of_cores())
    address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
    try:
        store = _open_store(own)
        store.add("connected", 1)
        deadline = time.monotonic() + JOIN_MINUTES * 60
        while (connected := store.add("connected", 0)) < own.world:
            watch()
            if time.monotonic() > deadline:
                raise RunFailed(f"{connected} of {own.world} processes of the run connected at {address} in time")
            time.sleep(0.1)
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
            store=store,
            rank=own.rank,
            world_size=own.world,
            timeout=timedelta(hours=WAIT_HOURS),
        )
    except (distributed.DistError, ValueError) as error:
        raise RunFailed(f"the processes of the run did not connect at {address} ({first_line(error)})") from error
    atexit.register(leave)


def _open_store(own: Place) -> Any:
    """Open the table through which processes find one another. The first process keeps it, or torchrun does.

    Raises:
        ValueError: ``MASTER_PORT`` is not a number.
        torch.distributed.DistError: The table cannot be kept there, or it cannot be reached.
    """
    torchrun_keeps_it = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    table = distributed.TCPStore(
        os.environ.get("MASTER_ADDR", "127.0.0.1"),
        int(os.environ.get("MASTER_PORT", "")),
        is_master=own.rank == 0 and not torchrun_keeps_it,
        timeout=timedelta(minutes=JOIN_MINUTES),
        wait_for_workers=False,
    )
    return distributed.PrefixStore(f"multibox/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", table)


def leave() -> None:
    """Disconnect from the other processes."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def count() -> int:
    """Number of connected processes. It is 1 if this process is alone."""
    return int(distributed.get_world_size()) if distributed.is_initialized() else 1


def index() -> int:
    """Index of this process, from 0."""
    return int(distributed.get_rank()) if distributed.is_initialized() else 0


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes. Its gradient is the sum of the processes' gradients."""

    @staticmethod
    def forward(_context: Any, x: Tensor) -> Tensor:
        return totals([x])[0]

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        return totals(list(gradients))[0]


def totals(values: list[Tensor]) -> list[Tensor]:
    """Sum tensors of one data type over all processes, in one message. Gradients do not flow through the sum."""
    if count() == 1:
        return values
    flat = torch.cat([value.detach().reshape(-1) for value in values])
    distributed.all_reduce(flat)
    pieces = flat.split([value.numel() for value in values])
    return [piece.view(value.shape) for piece, value in zip(pieces, values, strict=True)]


def from_each(x: Tensor) -> Tensor:
    """Collect a tensor ``(...)`` of one shape from each process: ``(processes, ...)``. Gradients flow back to all."""
    own = torch.arange(count(), device=x.device) == index()
    collected: Tensor = _Sum.apply(torch.where(own.reshape(-1, *[1] * x.dim()), x, torch.zeros_like(x)))
    return collected
