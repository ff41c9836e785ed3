"""Keras' backend: which it is, and what it is good at."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def import_keras(backend: str | None = None, devices: int = 1) -> None:
    """Import Keras, without what TensorFlow's libraries and Grain print while they load.

    Args:
        backend: ``tensorflow`` or ``jax``; None: as ``$KERAS_BACKEND`` or Keras' own configuration says.
        devices: to have; TensorFlow then splits the CPU of a machine without accelerators.
    """
    if backend:
        os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("absl").setLevel(logging.ERROR)  # Grain warns where JAX is not installed
    with _no_chatter():
        import keras

        if devices > 1 and keras.backend.backend() == "tensorflow":
            _split_cpu(devices)
        keras.ops.zeros(())  # The backend looks for its devices at the first operation.


def jit_compile(devices: int = 1) -> bool:
    """Whether XLA helps: on JAX always, on TensorFlow with one accelerator.

    On a CPU, TensorFlow runs convolutions through oneDNN, ten times faster than XLA's.

    Args:
        devices: that share a step; TensorFlow's XLA compiles for one alone.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return keras.backend.backend() == "jax"
    import tensorflow

    return devices == 1 and bool(tensorflow.config.list_logical_devices("GPU"))


def _split_cpu(devices: int) -> None:
    import tensorflow

    cpu = tensorflow.config.list_physical_devices("CPU")[0]
    if tensorflow.config.list_physical_devices("GPU"):
        return
    with suppress(RuntimeError):  # it runs already; who needs the devices will miss them
        tensorflow.config.set_logical_device_configuration(
            cpu, [tensorflow.config.LogicalDeviceConfiguration() for _ in range(devices)]
        )


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers made in the block compute in a precision: the name of a dtype policy of Keras."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def _no_chatter() -> Iterator[None]:
    """Close the error stream for C++ libraries; Python's errors are exceptions and are not lost."""
    sys.stderr.flush()
    stream = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stream, 2)
        os.close(stream)
        os.close(nowhere)
