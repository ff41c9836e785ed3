"""All runtimes, and the files that each of them reads."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from multibox.runtimes.keras import open_keras
from multibox.runtimes.litert import LiteRtRuntime
from multibox.runtimes.mnn import MnnRuntime
from multibox.runtimes.ncnn import NcnnRuntime
from multibox.runtimes.onnx import OnnxRuntime
from multibox.runtimes.openvino import OpenVinoRuntime
from multibox.runtimes.packages import is_installed
from multibox.runtimes.runtime import Runtime
from multibox.runtimes.saved_model import SavedModelRuntime


@dataclass(frozen=True)
class Kind:
    """A kind of runtime, such as ONNX Runtime, and the files that it reads.

    Attributes:
        title: Name of the runtime for display.
        module: Name of the Python module that the runtime imports.
        packages: Names of the Python packages that provide the module, any one of which is enough.
        suffixes: Suffixes of the model files that the runtime reads, such as ``.onnx``.
        open: Function that opens a model file, given its path and a number of threads. None as the number means the
            default.
        has_lanes: Whether ``open`` takes a number of lanes as a third argument. Otherwise there is one lane.
    """

    title: str
    module: str
    packages: tuple[str, ...]
    suffixes: tuple[str, ...]
    open: Callable[..., Runtime]
    has_lanes: bool = False

    def start(self, path: Path, threads: int | None, lanes: int) -> Runtime:
        """Open a model file with as many lanes as given, or with one if the runtime cannot have several."""
        return self.open(path, threads, lanes) if self.has_lanes else self.open(path, threads)

    @property
    def is_installed(self) -> bool:
        """Whether the runtime's package is installed."""
        return is_installed(self.module)

    @property
    def version(self) -> str:
        """Version of the runtime's package, found without importing it."""
        for package in self.packages:
            try:
                return version(package)
            except PackageNotFoundError:
                continue
        return "unknown"


_TENSORFLOWS = ("tensorflow", "tensorflow-cpu")

RUNTIMES = {
    "keras": Kind("Keras", "keras", ("keras",), (".keras",), lambda path, threads: open_keras(path, threads=threads)),
    "onnx": Kind("ONNX Runtime", "onnxruntime", ("onnxruntime", "onnxruntime-gpu"), (".onnx",), OnnxRuntime, True),
    "openvino": Kind("OpenVINO", "openvino", ("openvino",), (".onnx", ".xml"), OpenVinoRuntime, True),
    "mnn": Kind("MNN", "MNN", ("MNN",), (".onnx",), MnnRuntime),
    "ncnn": Kind("ncnn", "ncnn", ("ncnn",), (".onnx", ".ncnn"), NcnnRuntime),
    "litert": Kind("LiteRT", "ai_edge_litert", ("ai-edge-litert",), (".tflite",), LiteRtRuntime),
    "saved-model": Kind("TensorFlow", "tensorflow", _TENSORFLOWS, (".savedmodel",), SavedModelRuntime),
}
"""All runtimes, by the names that users give. If several runtimes read a file, the first of them is the default."""


def readers(path: Path) -> list[str]:
    """Names of the runtimes that read a file, by its suffix, installed or not. The default is first."""
    return [name for name, kind in RUNTIMES.items() if path.suffix in kind.suffixes]
