"""Keras' backend: importing it, choosing its threads and devices, and finding out what it supports."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType

from multibox.errors import BadInput


def import_keras(devices: int = 1, threads: int | None = None) -> None:
    """Import Keras, and suppress what TensorFlow's libraries and Grain print while they load.

    The backend is that of ``$KERAS_BACKEND``, or else of Keras' own configuration.

    Args:
        devices: Number of devices to compute on. On a machine without accelerators, the CPU is split into that many
            devices.
        threads: Number of CPU threads to compute with. None means one per core.

    Raises:
        BadInput: If the backend is already running with a different number of threads.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with no_chatter(2):
        import keras

        if keras.backend.backend() != "tensorflow":
            _hide_tensorflow()
        if threads is not None and not current().set_threads(threads, running=keras.backend.backend() in _RUNNING):
            raise BadInput("threads", _TOO_LATE)
        if devices > 1:
            current().split_cpu(devices)
        current().take_device()
        keras.ops.zeros(())  # The backend looks for its devices at the first operation.
        _RUNNING.add(keras.backend.backend())


def _hide_tensorflow() -> None:
    """Keep Keras from importing TensorFlow. It looks for it when it saves a model, wherever it is installed."""
    with suppress(ImportError):
        from keras.src.utils.module_utils import tensorflow

        tensorflow._available = False


_RUNNING: set[str] = set()
"""Names of the backends that have begun to compute."""

_TOO_LATE = "Keras is already running with a different number of threads. Set it before Keras is first used."


def jit_compile(devices: int = 1) -> bool:
    """Whether Keras compiles what it runs. Each backend decides in its file of :mod:`multibox.models.backends`.

    Args:
        devices: Number of devices that share a step.
    """
    return bool(current().jit_compile(devices))


def devices() -> list[str]:
    """Names of the devices that Keras can run on: this machine's accelerators, else its CPU, which may be split."""
    return list(current().devices())


def current() -> ModuleType:
    """The module of :mod:`multibox.models.backends` for the backend that Keras runs on."""
    import keras

    return import_module(f"multibox.models.backends.on_{keras.backend.backend()}")


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
