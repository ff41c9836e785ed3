"""The runtime for Keras models, on any of Keras' backends."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from multibox.models.backend import current, import_keras
from multibox.models.backends import Predict
from multibox.models.file import load_model, read_schema
from multibox.models.schema import Schema
from multibox.runtimes.choose_backend import require_keras
from multibox.runtimes.outputs import Outputs
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
        self.network = network
        self.schema = schema

    @cached_property
    def _predict(self) -> Predict:
        found: Predict = current().predictor(self.network)
        return found

    def run(self, images: np.ndarray) -> Outputs:
        """Run the network on a batch of images. Arguments and result are those of :meth:`Runtime.run`."""
        outputs: Outputs = self._predict(images)
        return outputs

    def reload(self) -> None:
        """Do nothing, because the network always runs with its current weights."""


def open_keras(path: Path, devices: int = 1, threads: int | None = None, backend: str | None = None) -> Runtime:
    """Open a ``.keras`` file.

    Args:
        path: Path of the file.
        devices: Number of devices of this machine that share each batch.
        threads: Number of threads for the backend to compute with. None means the backend's default.
        backend: Name of the backend, as :func:`require_keras` takes it.

    Returns:
        Runtime that runs the model.

    Raises:
        BadInput: The file is not a model, the machine has fewer devices, Keras is not installed, or its backend already
            runs with another number of threads.
    """
    read_schema(path)  # refuses anything else before Keras is imported, which takes seconds
    require_keras(f"{path}", backend)
    import_keras(devices=devices, threads=threads)
    if devices == 1:
        return KerasRuntime(*load_model(path))
    from multibox.runtimes.devices import load_shared

    return load_shared(lambda: load_model(path), devices)
