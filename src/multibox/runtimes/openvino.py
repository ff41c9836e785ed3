"""The runtime OpenVINO, for ONNX files, and for OpenVINO's own ``.xml`` files with the weights beside them."""

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.models.backend import no_chatter
from multibox.models.file import read_onnx_schema
from multibox.models.schema import MEMBER, Schema, parse_schema
from multibox.postprocess.nms import just_above
from multibox.runtimes.outputs import Outputs, has_nms
from multibox.runtimes.packages import require_package
from multibox.runtimes.runtime import Runtime


class OpenVinoRuntime(Runtime):
    """Runs a file that ``multibox export`` wrote with OpenVINO, on the CPU.

    Args:
        path: Path of an ``.onnx`` file, or of an ``.xml`` file whose ``rt_info`` holds the schema. A file with float16
            weights runs in bfloat16 if the processor supports it.
        threads: Number of threads to compute with. None means one per core.
        lanes: Number of threads that may call :meth:`run` at the same time. They share the threads to compute with.

    Raises:
        BadInput: The file is not a model of Multibox that OpenVINO can run, or OpenVINO is not installed.
    """

    name = "openvino"

    def __init__(self, path: str | Path, threads: int | None = None, lanes: int = 1):
        path = Path(path)
        require_package("openvino", f"{path}", "OpenVINO", "openvino")
        onnx_schema = read_onnx_schema(path) if path.suffix == ".onnx" else None
        openvino = import_openvino()
        try:
            with no_chatter(2):
                core = openvino.Core()
                model = core.read_model(path)
                if onnx_schema is not None:
                    keep_at_limit(model, onnx_schema.detect.nms_iou)
                compiled = core.compile_model(model, "CPU", _settings(model, threads, lanes))
        except (RuntimeError, UnicodeDecodeError):  # Its message lists lines of its own code, or cannot be decoded
            raise BadInput(path, "not a model that OpenVINO can run; export it again") from None
        self.schema = onnx_schema or _schema_in(model, path)
        self._names = tuple(output.get_any_name() for output in model.outputs)
        self.has_nms = has_nms(self._names)
        self.lanes = lanes
        self._compiled, self._own = compiled, threading.local()

    def run(self, images: np.ndarray) -> Outputs:
        """Run the model on a batch of images. Arguments and result are those of :meth:`Runtime.run`."""
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        outputs = self._own.request.infer({"image": images}, share_inputs=True)
        return {name: outputs[name] for name in self._names}


def import_openvino() -> Any:
    """Import OpenVINO without ``openvino_telemetry``, which would report usage as soon as it is imported.

    Returns:
        The module ``openvino``.
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


def keep_at_limit(model: Any, nms_iou: float) -> None:
    """Change a model so that NMS keeps boxes whose IoU equals the limit, as ONNX does. OpenVINO would suppress them.

    Args:
        model: OpenVINO's model of a file from ``multibox export``, which is changed in place.
        nms_iou: Limit of the IoU.
    """
    opset13 = import_openvino().opset13
    for operator in model.get_ops():
        if operator.get_type_name() == "NonMaxSuppression":
            operator.set_argument(3, opset13.constant(just_above(nms_iou)).output(0))


def _settings(model: Any, threads: int | None, lanes: int) -> dict[str, Any]:
    """OpenVINO's settings: float32, or the processor's fastest precision for a half-precision file."""
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"} if lanes == 1 else {"NUM_STREAMS": lanes}
    if not _is_half(model):
        settings["INFERENCE_PRECISION_HINT"] = "f32"  # OpenVINO's default is bfloat16 if the processor has it
    return settings if threads is None else {**settings, "INFERENCE_NUM_THREADS": threads}


def _is_half(model: Any) -> bool:
    constants = (op for op in model.get_ops() if op.get_type_name() == "Constant")
    return any(constant.get_element_type().to_string() == "f16" for constant in constants)


def _schema_in(model: Any, path: Path) -> Schema:
    if not model.has_rt_info([MEMBER]):
        raise BadInput(path, f"has no {MEMBER} in its rt_info; write it with 'multibox export MODEL'")
    return parse_schema(model.get_rt_info([MEMBER]).value, str(path))
