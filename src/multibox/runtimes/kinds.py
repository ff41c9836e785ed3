"""The runtimes there are."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from multibox.runtimes.keras import open_keras
from multibox.runtimes.litert import LiteRtRuntime
from multibox.runtimes.mnn import MnnRuntime
from multibox.runtimes.onnx import OnnxRuntime
from multibox.runtimes.openvino import OpenVinoRuntime
from multibox.runtimes.runtime import Runtime, is_installed
from multibox.runtimes.saved_model import SavedModelRuntime


@dataclass(frozen=True)
class Kind:
    """A kind of runtime.

    Attributes:
        title: its name.
        module: of its package.
        packages: the names under which that may be installed.
        suffixes: of the files it reads.
        open: opens a file, to compute with some threads.
    """

    title: str
    module: str
    packages: tuple[str, ...]
    suffixes: tuple[str, ...]
    open: Callable[[Path, int | None], Runtime]

    @property
    def is_installed(self) -> bool:
        """Whether its package is there."""
        return is_installed(self.module)

    @property
    def version(self) -> str:
        """Of its package, without importing it."""
        from importlib.metadata import PackageNotFoundError, version

        for package in self.packages:
            try:
                return version(package)
            except PackageNotFoundError:
                continue
        return "unknown"


_TENSORFLOWS = ("tensorflow", "tensorflow-cpu")

RUNTIMES = {
    "keras": Kind("Keras", "keras", ("keras",), (".keras",), lambda path, threads: open_keras(path, threads=threads)),
    "onnx": Kind("ONNX Runtime", "onnxruntime", ("onnxruntime", "onnxruntime-gpu"), (".onnx",), OnnxRuntime),
    "openvino": Kind("OpenVINO", "openvino", ("openvino",), (".onnx", ".xml"), OpenVinoRuntime),
    "mnn": Kind("MNN", "MNN", ("MNN",), (".onnx",), MnnRuntime),
    "litert": Kind("LiteRT", "ai_edge_litert", ("ai-edge-litert",), (".tflite",), LiteRtRuntime),
    "saved-model": Kind("TensorFlow", "tensorflow", _TENSORFLOWS, (".savedmodel",), SavedModelRuntime),
}
"""By the names that people choose them by; of those that read a file, the first is the default."""


def readers(path: Path) -> list[str]:
    """The runtimes that read files of a kind, whether they are installed or not; the default first."""
    return [name for name, kind in RUNTIMES.items() if path.suffix in kind.suffixes]
