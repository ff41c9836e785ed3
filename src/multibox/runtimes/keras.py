"""Keras as the runtime, on whichever backend it uses."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.models.backend import import_keras
from multibox.models.file import load_model, read_schema
from multibox.models.schema import Schema
from multibox.runtimes.runtime import Runtime, is_installed


class KerasRuntime:
    """Runs a Keras model, on whichever backend Keras uses.

    Args:
        network: maps ``(B, H, W, 3)`` to a dict of ``classes`` and ``boxes``.
        schema: its schema.
    """

    def __init__(self, network: Any, schema: Schema):
        from multibox.models.backend import jit_compile

        network.jit_compile = jit_compile()
        self.network = network
        self.schema = schema

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the network, see :class:`~multibox.runtimes.Runtime`."""
        outputs = self.network.predict_on_batch(images)
        return outputs["classes"], outputs["boxes"]

    def reload(self) -> None:
        """Nothing to do: it always runs with the weights that the network has."""


def open_keras(path: Path, devices: int = 1, threads: int | None = None) -> Runtime:
    """Open a ``.keras`` file.

    Args:
        path: of the file.
        devices: of this machine, that share each batch.
        threads: that the backend computes with; None: as it likes.

    Returns:
        what runs it.

    Raises:
        BadInput: not a model, fewer devices, Keras is missing, or its backend already runs with other threads.
    """
    read_schema(path)  # what is no model is refused before Keras, which takes seconds, is loaded
    require_keras(f"{path}")
    import_keras(devices=devices, threads=threads)
    if devices == 1:
        return KerasRuntime(*load_model(path))
    from multibox.runtimes.devices import load_shared

    return load_shared(lambda: load_model(path), devices)


def require_keras(what: str, backend: str | None = None) -> None:
    """Refuse what needs Keras where it, or what it runs on, is not installed.

    Where no backend is chosen and TensorFlow is missing, Keras is told to run on JAX, if that is there.

    Args:
        what: a file or a command, for the message.
        backend: ``tensorflow`` or ``jax``; None: as ``$KERAS_BACKEND`` says, else TensorFlow.

    Raises:
        BadInput: Keras or the backend is missing.
    """
    chosen = backend or os.environ.get("KERAS_BACKEND")
    extras = {"tensorflow": "'multibox[train]'", "jax": "'multibox[jax]'"}
    install = f"pip install {extras[chosen] if chosen in extras else ' or '.join(extras.values())}"
    if not is_installed("keras"):
        raise BadInput(what, f"needs Keras, which is not installed; run: {install}")
    if is_installed(chosen or "tensorflow"):
        return
    if chosen:
        raise BadInput(what, f"Keras is to run on {chosen}, which is not installed; run: {install}")
    if not is_installed("jax"):
        raise BadInput(what, f"Keras needs TensorFlow or JAX, and neither is installed; run: {install}")
    os.environ["KERAS_BACKEND"] = "jax"
