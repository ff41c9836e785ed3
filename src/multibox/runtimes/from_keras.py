"""A Keras network as an ONNX file, for runtimes that are faster than Keras on a CPU."""

import importlib.util
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from multibox.machine import cores
from multibox.models.backend import devices
from multibox.models.onnx_graph import label, to_onnx
from multibox.models.schema import Schema
from multibox.runtimes.agreement import difference, trial_images
from multibox.runtimes.keras import KerasRuntime, open_keras
from multibox.runtimes.kinds import RUNTIMES
from multibox.runtimes.onnx import OnnxRuntime
from multibox.runtimes.runtime import Runtime


def can_convert() -> bool:
    """Whether the package onnx is installed, with which networks are converted."""
    return importlib.util.find_spec("onnx") is not None


def on_cpu() -> bool:
    """Whether Keras computes on the CPU, because its backend has found no accelerator."""
    return all("cpu" in name.lower() for name in devices())


def write_network(network: Any, schema: Schema, path: Path) -> None:
    """Write a network as an ONNX file in float32.

    Args:
        network: Keras model.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        path: File to write.
    """
    import onnx

    model = to_onnx(network)
    label(model, schema, network.count_params())
    onnx.save(model, path)


def quickest_of(runtime: KerasRuntime) -> Runtime:
    """Run a network with the weights that it has now, in the quickest runtime that detects the same.

    Args:
        runtime: The network in Keras.

    Returns:
        ONNX Runtime with a lane for each core, if Keras computes on the CPU, the package onnx is installed, and scores
        and boxes agree. Otherwise the given runtime.
    """
    from keras import ops

    if not (can_convert() and on_cpu()):
        return runtime
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        write_network(runtime.network, runtime.schema, path)
        converted = OnnxRuntime(path, lanes=cores())
    images = trial_images(runtime.schema)
    outputs = runtime.network(images, training=False)
    expected = {name: ops.convert_to_numpy(value).astype(np.float32) for name, value in outputs.items()}
    return converted if difference(expected, converted.run(images), runtime.schema).is_small else runtime


class KerasFile:
    """A ``.keras`` file that is loaded when it is first needed, and converted to ONNX when that is.

    Args:
        path: Path of the file.
        threads: Number of threads for the backend to compute with. None means the backend's default.
        folder: Folder for the ONNX file.
    """

    def __init__(self, path: Path, threads: int | None, folder: Path):
        self._path, self._threads, self._folder = path, threads, folder

    @cached_property
    def runtime(self) -> Any:
        """The file in Keras."""
        return open_keras(self._path, threads=self._threads)

    @cached_property
    def onnx(self) -> Path:
        """Path of the ONNX file."""
        path = self._folder / f"{self._path.stem}.onnx"
        write_network(self.runtime.network, self.runtime.schema, path)
        return path

    def starter(self, runtime: str) -> Callable[[int], Runtime]:
        """A function that opens the ONNX file with a runtime, given a number of lanes."""
        return lambda lanes: RUNTIMES[runtime].start(self.onnx, self._threads, lanes)
