"""TensorFlow, as :mod:`multibox.models.backend` uses it."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import keras
import numpy as np
import tensorflow

from multibox.models.backends import Predict


def jit_compile(devices: int) -> bool:
    """Whether to compile with XLA: with a single accelerator alone. On a CPU, oneDNN's convolutions are much faster."""
    return devices == 1 and bool(tensorflow.config.list_logical_devices("GPU"))


def branches() -> bool:
    """Whether a branch of the graph may decide what is updated: with a single device that XLA does not compile for."""
    return not jit_compile(1) and tensorflow.distribute.get_strategy().num_replicas_in_sync == 1


def predictor(network: Any) -> Predict:
    """A function that runs a network on a batch of images."""
    network.jit_compile = jit_compile(1)
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
    kinds = (tensorflow.config.list_logical_devices(kind) for kind in ("GPU", "CPU"))
    return [device.name.removeprefix("/device:") for device in next(kind for kind in kinds if kind)]


def split_cpu(count: int) -> None:
    """Split the CPU into several devices, if there is no accelerator and TensorFlow does not run yet."""
    if not tensorflow.config.list_physical_devices("GPU"):
        with suppress(RuntimeError):
            tensorflow.config.set_logical_device_configuration(
                tensorflow.config.list_physical_devices("CPU")[0],
                [tensorflow.config.LogicalDeviceConfiguration() for _ in range(count)],
            )


def take_device() -> None:
    """Do nothing. A process computes on all devices that it is given."""


def set_threads(threads: int, *, running: bool) -> bool:
    """Set the number of CPU threads. Returns False if TensorFlow already runs with another number."""
    threading = tensorflow.config.threading
    with suppress(RuntimeError):  # it runs already
        threading.set_intra_op_parallelism_threads(threads)
        threading.set_inter_op_parallelism_threads(threads)
    return bool(threading.get_intra_op_parallelism_threads() == threads)


def device_name() -> str:
    """Name of the first accelerator, as reported by its driver, or ``cpu`` if there is none."""
    gpus = tensorflow.config.list_physical_devices("GPU")
    return str(tensorflow.config.experimental.get_device_details(gpus[0])["device_name"]) if gpus else "cpu"


def peak_memory() -> int | None:
    """Peak memory of the first accelerator so far in bytes. None on a CPU."""
    if tensorflow.config.list_logical_devices("GPU"):
        return int(tensorflow.config.experimental.get_memory_info("GPU:0")["peak"])
    return None


@cache
def mirrored(names: tuple[str, ...]) -> Any:
    """TensorFlow's ``MirroredStrategy`` for some devices. A process uses a single strategy for the same devices.

    Every strategy numbers its sums over devices from 0. So TensorFlow would confuse the sums of two strategies.
    """
    return tensorflow.distribute.MirroredStrategy(names)


def join(watch: Callable[[], None]) -> None:
    """Do nothing. A single process trains."""


def process_count() -> int:
    """Number of processes that train together: 1."""
    return 1


def process_index() -> int:
    """Index of this process: 0."""
    return 0


def sum_over_replicas(values: list[Any]) -> list[Any]:
    """Sum values over the devices that share a batch, if this code is run by several of them."""
    context = tensorflow.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    summed: list[Any] = context.all_reduce(tensorflow.distribute.ReduceOp.SUM, values)
    return summed
