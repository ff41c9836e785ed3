"""The runtime ONNX Runtime, the default for ONNX files."""

import logging
import os
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np

from multibox.errors import BadInput, first_line
from multibox.machine import cores, has_vnni
from multibox.metadata import read_metadata
from multibox.models.file import read_onnx_schema
from multibox.runtimes.outputs import Outputs, has_nms
from multibox.runtimes.runtime import Runtime

ON_CPU = {"CPUExecutionProvider", "AzureExecutionProvider"}
"""Execution providers that leave the network to the processor. The second one is for models that run elsewhere."""

log = logging.getLogger("multibox")


class OnnxRuntime(Runtime):
    """Runs an ONNX file that ``multibox export`` wrote.

    Args:
        path: Path of the file.
        threads: Number of threads to compute with. None means one per core.
        lanes: Number of threads that may call :meth:`run` at the same time. On a CPU they share the threads to compute
            with. With another provider there is one.

    Attributes:
        metadata: Metadata of the file, a dict from keys to values.

    Raises:
        BadInput: The file is not an ONNX model of Multibox.
    """

    name = "onnx"

    def __init__(self, path: str | Path, threads: int | None = None, lanes: int = 1):
        self.metadata = read_metadata(path)
        self.schema = read_onnx_schema(path)
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime reports on its use otherwise
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0 if lanes == 1 else max((threads or cores()) // lanes, 1)
        if not has_vnni():  # int8 would saturate. With VNNI the option changes no bit, and takes twice the time
            options.add_session_config_entry("session.x64quantprecision", "1")
        providers, printed = onnxruntime.get_available_providers(), StringIO()
        try:
            with redirect_stdout(printed):
                self.session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # ONNX Runtime's errors have no common class; the file was read, so it is at fault
            raise BadInput(path, f"not an ONNX model that ONNX Runtime can run: {first_line(error)}") from None
        if printed.getvalue():  # a provider failed, and another one runs the network
            log.warning("ONNX Runtime: %s", " ".join(printed.getvalue().replace("*", "").split()))
        self._input = self.session.get_inputs()[0].name
        self._names = tuple(output.name for output in self.session.get_outputs())
        self.has_nms = has_nms(self._names)
        self.lanes = lanes if set(self.session.get_providers()) <= ON_CPU else 1

    def run(self, images: np.ndarray) -> Outputs:
        """Run the model on a batch of images. Arguments and result are those of :meth:`Runtime.run`."""
        return dict(zip(self._names, self.session.run(self._names, {self._input: images}), strict=True))
