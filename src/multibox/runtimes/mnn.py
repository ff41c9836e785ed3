"""The runtime MNN. Its Winograd convolutions run networks with many 3x3 convolutions, such as VGG16, fast on a CPU."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.machine import cores
from multibox.models.backend import no_chatter
from multibox.models.file import read_onnx_schema
from multibox.runtimes.cache import cache_folder, content_hash, kept
from multibox.runtimes.onnx import OnnxRuntime
from multibox.runtimes.outputs import NETWORK, Outputs
from multibox.runtimes.packages import require_package
from multibox.runtimes.runtime import Runtime

_CONVERTER = "import sys, MNN, _tools; _tools.mnnconvert(sys.argv)"
"""Code that calls MNN's converter. Its own command, ``mnnconvert``, installs a package and reports on its use."""


class MnnRuntime(Runtime):
    """Runs an ONNX file that ``multibox export`` wrote with MNN, on the CPU.

    MNN has a format of its own. The file is converted when it is first opened, and the result is kept in the cache
    folder under a hash of the file's content.

    Args:
        path: Path of the ONNX file.
        threads: Number of threads to compute with. None means one per core.

    Raises:
        BadInput: The file is not an ONNX model of Multibox, MNN cannot run it, or MNN is not installed.
    """

    name = "mnn"

    def __init__(self, path: str | Path, threads: int | None = None):
        path = Path(path)
        require_package("MNN", f"{path}", "MNN", "mnn")
        self.schema = read_onnx_schema(path)
        self._network = _load(path, self.schema.network.size, threads or cores())

    def run(self, images: np.ndarray) -> Outputs:
        """Run the network on a batch of images. Arguments and result are those of :meth:`Runtime.run`."""
        outputs = zip(NETWORK, _forward(self._network, images), strict=True)
        return {name: output.read().copy() for name, output in outputs}  # MNN uses its own memory again


def _forward(network: Any, images: np.ndarray) -> list[Any]:
    from MNN import expr

    # MNN calls the layout of every array from ONNX "NCHW". The pixels are (B, H, W, 3) nevertheless.
    image = expr.const(np.ascontiguousarray(images), list(images.shape), expr.NCHW, expr.uint8)
    outputs: list[Any] = network.forward([image])
    return outputs


def _load(path: Path, size: tuple[int, int], threads: int) -> Any:
    from importlib.metadata import version

    place = cache_folder() / "mnn" / f"{content_hash(path)}-{version('MNN')}.mnn"
    return kept(place, lambda file: _open(file, threads), lambda out: _convert(path, size, out, threads))


def _convert(path: Path, size: tuple[int, int], out: Path, threads: int) -> Any:
    """Convert an ONNX file, then open the result and run it once.

    The converter runs in its own process, because a file that it cannot convert may end the process. A quantized file
    may be converted to a network without outputs. ONNX Runtime opens the file first: it refuses damaged networks at
    once, where the converter may take minutes and much memory.
    """
    try:
        OnnxRuntime(path)
        _run_converter(path, out)
        network = _open(out, threads)
    except BadInput:
        network = None
    if network is None or not _answers(network, size):
        raise BadInput(path, "not a model that MNN can run; choose another runtime")
    return network


def _run_converter(path: Path, out: Path) -> None:
    """Run MNN's converter in a folder of its own, in which it may leave files."""
    words = ("-f", "ONNX", "--modelFile", f"{path.absolute()}", "--MNNModel", f"{out.absolute()}")
    command = [sys.executable, "-P", "-c", _CONVERTER, *words, "--bizCode", "multibox"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(command, capture_output=True, check=False, cwd=folder)


def _answers(network: Any, size: tuple[int, int]) -> bool:
    with no_chatter(1, 2):
        return len(_forward(network, np.zeros((1, *size, 3), np.uint8))) > 0


def _open(path: Path, threads: int) -> Any:
    """Open an MNN file.

    Raises:
        BadInput: The file does not exist, is damaged, or is not an MNN file.
    """
    with no_chatter(1, 2):
        from MNN import nn

        settings = {"backend": "CPU", "numThread": threads, "precision": "high"}
        manager = nn.create_runtime_manager((settings,))
        try:
            return nn.load_module_from_file(str(path), ["image"], [*NETWORK], runtime_manager=manager)
        except SystemError:
            raise BadInput(path, "not an MNN file, or damaged") from None
