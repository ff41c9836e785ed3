"""Processes that train together on PyTorch, one for each device. They are connected by ``torch.distributed``.

``torchrun`` and ``multibox train --devices`` start them, and set the environment variables that PyTorch defines:
``RANK`` and ``WORLD_SIZE``, ``LOCAL_RANK`` and ``LOCAL_WORLD_SIZE`` on each host, ``MASTER_ADDR`` and ``MASTER_PORT``.
"""

import atexit
import os
from datetime import timedelta
from typing import Any, TypeAlias

import torch
from torch import distributed

from multibox.errors import BadInput, RunFailed, first_line
from multibox.machine import share_of_cores

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
    number = int(os.environ.get("LOCAL_RANK", "0"))
    if number and torch.cuda.is_available():
        if number >= torch.cuda.device_count():
            raise BadInput("devices", f"this machine has {torch.cuda.device_count()} GPUs; start a process for each")
        torch.cuda.set_device(number)


def join() -> None:
    """Connect this process to the others of its run. Nothing happens if it is alone or already connected.

    Raises:
        RunFailed: Another process did not connect in time.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1" or distributed.is_initialized():
        return
    if not torch.cuda.is_available():
        torch.set_num_threads(share_of_cores())
    try:
        store, rank, world = next(distributed.rendezvous("env://", timeout=timedelta(minutes=JOIN_MINUTES)))
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
            store=store,
            rank=rank,
            world_size=world,
            timeout=timedelta(hours=WAIT_HOURS),
        )
    except (RuntimeError, ValueError) as error:
        address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise RunFailed(f"the processes of the run did not connect at {address} ({first_line(error)})") from error
    atexit.register(leave)


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
