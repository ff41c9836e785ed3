"""OpenVINO: reads an ONNX file, or its own ``.xml`` with the weights beside it."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.models.backend import no_chatter
from multibox.models.file import read_onnx_schema
from multibox.models.schema import MEMBER, Schema, parse_schema
from multibox.runtimes.runtime import require_package
from multibox.runtimes.selecting import plain


class OpenVinoRuntime:
    """Runs a file that ``multibox export`` wrote with OpenVINO, on the CPU.

    Args:
        path: an ``.onnx`` file, or an ``.xml`` file whose ``rt_info`` holds the schema. With weights in float16 it is
            computed in bfloat16 where the processor can.
        threads: that compute; None: one a core.

    Attributes:
        names: of the file's outputs.

    Raises:
        BadInput: not such a file, or OpenVINO is missing.
    """

    def __init__(self, path: str | Path, threads: int | None = None):
        path = Path(path)
        require_package("openvino", f"{path}", "OpenVINO", "openvino")
        onnx_schema = read_onnx_schema(path) if path.suffix == ".onnx" else None
        openvino = import_openvino()
        try:
            with no_chatter(2):
                core = openvino.Core()
                model = core.read_model(path)
                request = core.compile_model(model, "CPU", _settings(model, threads)).create_infer_request()
        except RuntimeError:  # what it says of a file is a list of places in its own code
            raise BadInput(path, "not a model that OpenVINO can run; export it again") from None
        self.schema = onnx_schema or _schema_in(model, path)
        self.names = tuple(output.get_any_name() for output in model.outputs)
        self._request = request

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the network, see :class:`~multibox.runtimes.Runtime`."""
        return plain(self.run(images))

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Run the file, see :class:`~multibox.runtimes.selecting.NamedRuntime`."""
        outputs = self._request.infer({"image": images}, share_inputs=True)
        return {name: outputs[name] for name in self.names}


def import_openvino() -> Any:
    """Import OpenVINO without the package by which it reports on its use, even on being imported; it can do without.

    Returns:
        the module ``openvino``.
    """
    modules: dict[str, Any] = sys.modules
    reporter = "openvino_telemetry"
    blocked = modules.setdefault(reporter, None) is None
    try:
        import openvino
    finally:
        if blocked:
            del modules[reporter]
    return openvino


def _settings(model: Any, threads: int | None) -> dict[str, Any]:
    """How to compute: in float32, but for a file of half precision in what its processor is quickest with."""
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
    if not _is_half(model):
        settings["INFERENCE_PRECISION_HINT"] = "f32"  # else OpenVINO would take bfloat16 where the processor has it
    return settings if threads is None else {**settings, "INFERENCE_NUM_THREADS": threads}


def _is_half(model: Any) -> bool:
    constants = (op for op in model.get_ops() if op.get_type_name() == "Constant")
    return any(constant.get_element_type().to_string() == "f16" for constant in constants)


def _schema_in(model: Any, path: Path) -> Schema:
    if not model.has_rt_info([MEMBER]):
        raise BadInput(path, f"has no {MEMBER} in its rt_info; write it with 'multibox export MODEL'")
    return parse_schema(model.get_rt_info([MEMBER]).value, str(path))
