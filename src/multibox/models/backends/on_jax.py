"""JAX, as :mod:`multibox.models.backend` uses it."""

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental.multihost_utils import broadcast_one_to_all, process_allgather

from multibox.models.backends import Predict


def jit_compile(devices: int) -> bool:
    """Whether to compile with XLA: always."""
    return True


def branches() -> bool:
    """Whether a branch of the graph may decide what is updated: never, as XLA selects at no cost."""
    return False


def predictor(network: Any) -> Predict:
    """A function that runs a network on a batch of images."""
    predict: Predict = network.predict_on_batch
    return predict


def constant(array: np.ndarray) -> Any:
    """An array as a constant of the step: as it is, because compiling it makes it one."""
    return array


def sent(batch: Any) -> Any:
    """The batch on its way to the device: as it is, because Keras sends it."""
    return batch


def waiting_for(value: Any) -> Callable[[], Any]:
    """A function that waits until the device has computed a value."""
    return lambda: keras.ops.convert_to_numpy(value)


def devices() -> list[str]:
    """Names of this machine's accelerators, else of its CPU, which may be split."""
    return [f"{device.platform}:{device.id}" for device in jax.local_devices()]


def split_cpu(count: int) -> None:
    """Split the CPU into several devices, if JAX does not run yet."""
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", count)


def take_device() -> None:
    """Do nothing. A process computes on all devices that it is given."""


def set_threads(threads: int, *, running: bool) -> bool:
    """Set the number of CPU threads. Returns False if JAX already runs with another number."""
    if not running:
        os.environ["NPROC"] = str(threads)  # what XLA takes for the number of cores when it starts
    return os.environ.get("NPROC") == str(threads)


def device_name() -> str:
    """Name of the first accelerator, as reported by its driver, or ``cpu`` if there is none."""
    return str(_first().device_kind)


def peak_memory() -> int | None:
    """Peak memory of the first accelerator so far in bytes. None on a CPU."""
    statistics = _first().memory_stats()
    return int(statistics["peak_bytes_in_use"]) if statistics else None


def _first() -> Any:
    return jax.local_devices()[0]


def join(watch: Callable[[], None]) -> None:
    """Do nothing. Hosts connect before JAX starts."""


def process_count() -> int:
    """Number of processes that train together, one on each host."""
    return int(jax.process_count())


def process_index() -> int:
    """Index of this process, from 0."""
    return int(jax.process_index())


def gather(value: Any) -> list[Any]:
    """Collect a picklable value from each process, in order."""
    data = np.frombuffer(pickle.dumps(value), np.uint8)
    lengths = np.ravel(process_allgather(np.array([len(data)], np.int32)))  # (processes,)
    padded = np.zeros(lengths.max(), np.uint8)
    padded[: len(data)] = data
    rows = np.asarray(process_allgather(padded))  # (processes, bytes)
    return [pickle.loads(row[:length].tobytes()) for row, length in zip(rows, lengths, strict=True)]


def broadcast(value: Any) -> Any:
    """Send the first process' picklable value to all processes."""
    data = np.frombuffer(pickle.dumps(value), np.uint8) if process_index() == 0 else np.zeros(0, np.uint8)
    length = int(broadcast_one_to_all(np.int32(len(data))))
    return pickle.loads(np.asarray(broadcast_one_to_all(np.resize(data, length))).tobytes())


def sum_over_replicas(values: list[Any]) -> list[Any]:
    """Values of the whole batch: these, as a step computes on all of it."""
    return values
