"""The runtime for Keras models, on any of Keras' backends."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput, install
from multibox.models.backend import import_keras, jit_compile
from multibox.models.file import load_model, read_schema
from multibox.models.schema import Schema
from multibox.runtimes.outputs import Outputs
from multibox.runtimes.packages import is_installed
from multibox.runtimes.runtime import Runtime


class KerasRuntime(Runtime):
    """Runs a Keras model, on any backend of Keras.

    Args:
        network: Keras model that maps ``(B, H, W, 3)`` to a dict of ``classes`` and ``boxes``.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.

    Attributes:
        network: The Keras model that runs.
    """

    name = "keras"

    def __init__(self, network: Any, schema: Schema):
        network.jit_compile = jit_compile()
        self.network = network
        self.schema = schema

    def run(self, images: np.ndarray) -> Outputs:
        """Run the network on a batch of images. Arguments and result are those of :meth:`Runtime.run`."""
        outputs: Outputs = self.network.predict_on_batch(images)
        return outputs

    def reload(self) -> None:
        """Do nothing, because the network always runs with its current weights."""


def open_keras(path: Path, devices: int = 1, threads: int | None = None) -> Runtime:
    """Open a ``.keras`` file.

    Args:
        path: Path of the file.
        devices: Number of devices of this machine that share each batch.
        threads: Number of threads for the backend to compute with. None means the backend's default.

    Returns:
        Runtime that runs the model.

    Raises:
        BadInput: The file is not a model, the machine has fewer devices, Keras is not installed, or its backend already
            runs with another number of threads.
    """
    read_schema(path)  # refuses anything else before Keras is imported, which takes seconds
    require_keras(f"{path}")
    import_keras(devices=devices, threads=threads)
    if devices == 1:
        return KerasRuntime(*load_model(path))
    from multibox.runtimes.devices import load_shared

    return load_shared(lambda: load_model(path), devices)


def require_keras(what: str, backend: str | None = None) -> None:
    """Verify that Keras and its backend are installed, for a file or command that needs them.

    If no backend is chosen and TensorFlow is not installed, but JAX is, ``$KERAS_BACKEND`` is set to JAX.

    Args:
        what: File or command that needs Keras, for the message.
        backend: ``tensorflow`` or ``jax``. None takes the backend of ``$KERAS_BACKEND``, else TensorFlow.

    Raises:
        BadInput: Keras or the backend is not installed.
    """
    chosen = backend or os.environ.get("KERAS_BACKEND")
    extras = {"tensorflow": "train", "jax": "jax"}
    remedy = install(extras[chosen]) if chosen in extras else install(*extras.values())
    if not is_installed("keras"):
        raise BadInput(what, f"needs Keras, which is not installed; {remedy}")
    if is_installed(chosen or "tensorflow"):
        return
    if chosen:
        raise BadInput(what, f"Keras is set to run on {chosen}, which is not installed; {remedy}")
    if not is_installed("jax"):
        raise BadInput(what, f"Keras needs TensorFlow or JAX, and neither is installed; {remedy}")
    os.environ["KERAS_BACKEND"] = "jax"
