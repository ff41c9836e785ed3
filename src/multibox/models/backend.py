"""Keras' backend: which it is, and what it is good at."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def import_keras(backend: str | None = None) -> None:
    """Import Keras, without what TensorFlow's libraries and Grain print while they load.

    Args:
        backend: ``tensorflow`` or ``jax``; None: as ``$KERAS_BACKEND`` or Keras' own configuration says.
    """
    if backend:
        os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("absl").setLevel(logging.ERROR)  # Grain warns where JAX is not installed
    with _no_chatter():
        import keras

        keras.ops.zeros(())  # The backend looks for its devices at the first operation.


def jit_compile() -> bool:
    """Whether XLA helps: on JAX always, on TensorFlow with an accelerator.

    On a CPU, TensorFlow runs convolutions through oneDNN, ten times faster than XLA's.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return keras.backend.backend() == "jax"
    import tensorflow

    return bool(tensorflow.config.list_logical_devices("GPU"))


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
