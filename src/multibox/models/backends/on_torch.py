"""PyTorch, as :mod:`multibox.models.backend` uses it."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import torch

from multibox.models import torch_processes
from multibox.models.backends import Predict
from multibox.models.torch_network import TorchNetwork


def device() -> torch.device:
    """Device that Keras computes on: the CUDA, MPS or XPU device, or else the CPU."""
    found: torch.device = keras.ops.zeros(()).device
    return found


def jit_compile(devices: int) -> bool:
    """Whether Keras compiles the step: never. ``training/torch_step.py`` compiles what is worth it."""
    return False


def branches() -> bool:
    """Whether a branch may decide what is updated: on a CPU, as the host would wait for another device."""
    return device().type == "cpu"


def predictor(network: Any) -> Predict:
    """A function that runs a network on a batch of images."""
    compute = TorchNetwork(network)

    def predict(images: np.ndarray) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            return {name: keras.ops.convert_to_numpy(x) for name, x in compute(send(images)).items()}

    return predict


def send(array: np.ndarray) -> torch.Tensor:
    """Copy an array to the device. The host does not wait for the device."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device(), non_blocking=True) if device().type == "cuda" else tensor.to(device())


def constant(array: np.ndarray) -> Any:
    """An array as a constant of the step: on the device, so that it is sent once."""
    return send(array)


def sent(batch: Any) -> Any:
    """The batch on its way to the device. Keras would wait until the device is done with the step before."""
    return keras.tree.map_structure(send, batch)


def waiting_for(value: Any) -> Callable[[], Any]:
    """A function that waits until the device has computed a value, but not for what it is given to do afterwards."""
    if device().type != "cuda":
        return lambda: keras.ops.convert_to_numpy(value)
    done = torch.cuda.Event()
    done.record()
    return done.synchronize


def devices() -> list[str]:
    """Names of the devices of the kind that Keras computes on. A CPU is one device."""
    kind = device().type
    count = getattr(torch, kind).device_count() if kind in ("cuda", "xpu") else 1
    return [f"{kind}:{index}" for index in range(count)]


def split_cpu(count: int) -> None:
    """Do nothing. A CPU is shared by processes, not split."""


def take_device() -> None:
    """Let a process that is one of several compute on the device with its number."""
    torch_processes.take_device()


def set_threads(threads: int, *, running: bool) -> bool:
    """Set the number of CPU threads, which PyTorch can change at any time."""
    torch.set_num_threads(threads)
    return True


def device_name() -> str:
    """Name of the device, as reported by its driver, or ``cpu``."""
    return torch.cuda.get_device_name() if device().type == "cuda" else device().type


def peak_memory() -> int | None:
    """Peak memory of the device so far in bytes. None on a CPU."""
    if device().type == "cuda":
        return torch.cuda.max_memory_allocated()
    return None


def join(watch: Callable[[], None]) -> None:
    """Connect to the other processes of the run. ``watch`` is called until all are connected, and may raise."""
    torch_processes.join(watch)


def process_count() -> int:
    """Number of processes that train together, one for each device."""
    return torch_processes.count()


def process_index() -> int:
    """Index of this process, from 0."""
    return torch_processes.index()


def gather(value: Any) -> list[Any]:
    """Collect a picklable value from each process, in order."""
    values: list[Any] = [None] * process_count()
    torch.distributed.all_gather_object(values, value)
    return values


def broadcast(value: Any) -> Any:
    """Send the first process' picklable value to all processes."""
    values = [value]
    torch.distributed.broadcast_object_list(values)
    return values[0]


def sum_over_replicas(values: list[Any]) -> list[Any]:
    """Sum values over the processes that share a batch."""
    return torch_processes.totals(values)
