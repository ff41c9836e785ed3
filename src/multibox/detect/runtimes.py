"""What runs a network: Keras, or ONNX Runtime. Both give the network's plain numbers."""

import importlib.util
import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from multibox.errors import BadInput
from multibox.models.backend import import_keras
from multibox.models.file import load_model, read_schema
from multibox.models.schema import MEMBER, Schema, parse_schema

PARAMETERS = "multibox.parameters"
"""The key in an ONNX file's metadata under which the number of the network's parameters is."""


class Runtime(Protocol):
    """Something that runs a network.

    Attributes:
        schema: what the model file says about itself.
    """

    schema: Schema

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the network.

        Args:
            images: ``(B, H, W, 3)`` uint8 RGB of the network's input size.

        Returns:
            ``(B, P, C + 1)`` float32 logits, background in column 0, and ``(B, P, 4)`` float32 deltas.
        """


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
        """Run the network, see :class:`Runtime`."""
        outputs = self.network.predict_on_batch(images)
        return outputs["classes"], outputs["boxes"]

    def reload(self) -> None:
        """Nothing to do: it always runs with the weights that the network has."""


class OnnxRuntime:
    """Runs an ONNX file that ``multibox export`` wrote.

    Args:
        path: of the file.

    Raises:
        BadInput: not such a file.
    """

    def __init__(self, path: str | Path):
        import onnxruntime

        try:
            self.session = onnxruntime.InferenceSession(str(path), providers=onnxruntime.get_available_providers())
        except Exception as error:  # ONNX Runtime's errors have no common class; the file was read, so it is at fault
            raise BadInput(f"{path}: not an ONNX model that ONNX Runtime can run: {_first_line(error)}") from None
        self.metadata: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        if MEMBER not in self.metadata:
            raise BadInput(f"{path}: has no {MEMBER} in its metadata; write it with 'multibox export MODEL'")
        self.schema = parse_schema(self.metadata[MEMBER], str(path))
        self._input = self.session.get_inputs()[0].name

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the network, see :class:`Runtime`."""
        logits, deltas = self.session.run(["classes", "boxes"], {self._input: images})
        return logits, deltas


def open_runtime(path: str | os.PathLike[str], devices: int = 1) -> Runtime:
    """Open a model file with the runtime for its kind.

    Args:
        path: a ``.keras`` or an ``.onnx`` file.
        devices: of this machine, that share each batch; Keras only.

    Returns:
        what runs it.

    Raises:
        BadInput: no such file, not a model, fewer devices, or Keras is missing.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"{path}: no such model file; give a .keras file of a run, or an exported .onnx file")
    if path.suffix == ".onnx" and devices > 1:
        raise BadInput(f"--devices: ONNX Runtime takes what it finds; leave it out, or give the .keras file of {path}")
    if path.suffix == ".onnx":
        return OnnxRuntime(path)
    if path.suffix != ".keras":
        raise BadInput(f"{path}: not a model file; give a .keras file of a run, or an exported .onnx file")
    read_schema(path)  # what is no model is refused before Keras, which takes seconds, is loaded
    require_keras(f"{path}")
    import_keras(devices=devices)
    if devices == 1:
        return KerasRuntime(*load_model(path))
    from multibox.detect.devices import load_shared

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
    if not _is_installed("keras"):
        raise BadInput(f"{what}: needs Keras, which is not installed; run: {install}")
    if _is_installed(chosen or "tensorflow"):
        return
    if chosen:
        raise BadInput(f"{what}: Keras is to run on {chosen}, which is not installed; run: {install}")
    if not _is_installed("jax"):
        raise BadInput(f"{what}: Keras needs TensorFlow or JAX, and neither is installed; run: {install}")
    os.environ["KERAS_BACKEND"] = "jax"


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
