"""Keras' backend: importing it, choosing its threads and devices, and finding out what it supports."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from multibox.errors import BadInput


def import_keras(backend: str | None = None, devices: int = 1, threads: int | None = None) -> None:
    """Import Keras, and suppress what TensorFlow's libraries and Grain print while they load.

    Args:
        backend: ``tensorflow`` or ``jax``. None takes the backend of ``$KERAS_BACKEND``, or else of Keras' own
            configuration.
        devices: Number of devices to compute on. On a machine without accelerators, the CPU is split into that many
            devices.
        threads: Number of CPU threads to compute with. None means one per core.

    Raises:
        BadInput: If the backend is already running with a different number of threads.
    """
    if backend:
        os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("absl").setLevel(logging.ERROR)  # Grain warns where JAX is not installed
    with no_chatter(2):
        import keras

        if threads is not None:
            _set_threads(threads)
        if devices > 1:
            _split_cpu(devices)
        keras.ops.zeros(())  # The backend looks for its devices at the first operation.
        _RUNNING.add(keras.backend.backend())


_RUNNING: set[str] = set()
"""Names of the backends that have begun to compute. Their number of threads cannot change any more."""


def jit_compile(devices: int = 1) -> bool:
    """Whether to compile with XLA: always on JAX, and on TensorFlow with a single accelerator.

    On a CPU, TensorFlow runs convolutions through oneDNN, ten times faster than XLA's.

    Args:
        devices: Number of devices that share a step. On TensorFlow, XLA compiles for a single device only.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return keras.backend.backend() == "jax"
    import tensorflow

    return devices == 1 and bool(tensorflow.config.list_logical_devices("GPU"))


def devices() -> list[str]:
    """Names of the devices that Keras can run on: this machine's accelerators, else its CPU, which may be split."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return [f"{device.platform}:{device.id}" for device in jax.local_devices()]
    import tensorflow

    kinds = (tensorflow.config.list_logical_devices(kind) for kind in ("GPU", "CPU"))
    found = next(kind for kind in kinds if kind)
    return [device.name.removeprefix("/device:") for device in found]


def first_devices(count: int, field: str) -> list[str]:
    """Names of the first ``count`` devices of this machine.

    Args:
        count: Number of devices.
        field: Configuration field that sets the number, for the message.

    Returns:
        Names of the devices.

    Raises:
        BadInput: If this machine has fewer devices.
    """
    names = devices()
    if count > len(names):
        raise BadInput(
            field,
            f"needs {count} devices, but this machine has {len(names)}: {', '.join(names)}. 'multibox train' and "
            f"'multibox eval' split a CPU into several devices, and so does import_keras(devices={count}) if called "
            "before Keras is used",
        )
    return names[:count]


@cache
def mirrored(names: tuple[str, ...]) -> Any:
    """TensorFlow's ``MirroredStrategy`` for some devices. A process uses a single strategy for the same devices.

    Every strategy numbers its sums over devices from 0. So TensorFlow would confuse the sums of two strategies.
    """
    import tensorflow

    return tensorflow.distribute.MirroredStrategy(names)


def _split_cpu(devices: int) -> None:
    import keras

    with suppress(RuntimeError):  # it runs already; who needs the devices will miss them
        if keras.backend.backend() == "jax":
            import jax

            jax.config.update("jax_num_cpu_devices", devices)
            return
        import tensorflow

        if not tensorflow.config.list_physical_devices("GPU"):
            tensorflow.config.set_logical_device_configuration(
                tensorflow.config.list_physical_devices("CPU")[0],
                [tensorflow.config.LogicalDeviceConfiguration() for _ in range(devices)],
            )


def _set_threads(threads: int) -> None:
    import keras

    if not (_threads_of_jax if keras.backend.backend() == "jax" else _threads_of_tensorflow)(threads):
        raise BadInput(
            "threads", "Keras is already running with a different number of threads. Set it before Keras is first used."
        )


def _threads_of_jax(threads: int) -> bool:
    """Set the number of CPU threads. Returns False if the backend already runs with another number."""
    if "jax" not in _RUNNING:
        os.environ["NPROC"] = str(threads)  # what XLA takes for the number of cores when it starts
    return os.environ.get("NPROC") == str(threads)


def _threads_of_tensorflow(threads: int) -> bool:
    """Set the number of CPU threads. Returns False if the backend already runs with another number."""
    import tensorflow

    threading = tensorflow.config.threading
    with suppress(RuntimeError):  # it runs already
        threading.set_intra_op_parallelism_threads(threads)
        threading.set_inter_op_parallelism_threads(threads)
    return bool(threading.get_intra_op_parallelism_threads() == threads)


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Make layers created in the block compute in a precision, given as the name of a Keras dtype policy."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def no_chatter(*streams: int) -> Iterator[None]:
    """Discard what C++ libraries print to some streams during the block. Python exceptions are not affected.

    Args:
        streams: File descriptors of the streams to discard: 1 for standard output, 2 for standard error.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {stream: os.dup(stream) for stream in streams}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in streams:
            os.dup2(nowhere, stream)
        yield
    finally:
        sys.stdout.flush()
        for stream, copy in kept.items():
            os.dup2(copy, stream)
            os.close(copy)
        os.close(nowhere)
