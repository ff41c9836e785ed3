"""ONNX Runtime: the default on a CPU."""

import os
from pathlib import Path

import numpy as np

from multibox.errors import BadInput
from multibox.metadata import read_metadata
from multibox.models.file import read_onnx_schema
from multibox.runtimes.runtime import first_line
from multibox.runtimes.selecting import plain


class OnnxRuntime:
    """Runs an ONNX file that ``multibox export`` wrote.

    Args:
        path: of the file.
        threads: that compute; None: one a core.

    Attributes:
        metadata: what the file says about itself, see :func:`~multibox.metadata.read_metadata`.
        names: of its outputs.

    Raises:
        BadInput: not such a file.
    """

    def __init__(self, path: str | Path, threads: int | None = None):
        self.metadata = read_metadata(path)
        self.schema = read_onnx_schema(path)
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else it would report on its use
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        providers = onnxruntime.get_available_providers()
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # ONNX Runtime's errors have no common class; the file was read, so it is at fault
            raise BadInput(path, f"not an ONNX model that ONNX Runtime can run: {first_line(error)}") from None
        self._input = self.session.get_inputs()[0].name
        self.names = tuple(output.name for output in self.session.get_outputs())

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the network, see :class:`~multibox.runtimes.Runtime`."""
        return plain(self.run(images))

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Run the file, see :class:`~multibox.runtimes.selecting.NamedRuntime`."""
        return dict(zip(self.names, self.session.run(self.names, {self._input: images}), strict=True))
