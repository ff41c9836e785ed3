"""MNN: its Winograd convolutions make networks of large 3x3 convolutions, as VGG16's, fast on a CPU."""

import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput, RunFailed
from multibox.machine import cores
from multibox.models.backend import no_chatter
from multibox.models.file import read_onnx_schema
from multibox.runtimes.cache import cache_folder, content_hash
from multibox.runtimes.runtime import require_package
from multibox.writing import Unfinished

_CONVERTER = "import sys, MNN, _tools; _tools.mnnconvert(sys.argv)"
"""Calls the converter in MNN's package. Its own command, ``mnnconvert``, installs a package and reports on its use."""


class MnnRuntime:
    """Runs an ONNX file that ``multibox export`` wrote with MNN, on the CPU.

    MNN reads a format of its own: the file is converted when it is first run, and the result is kept in the cache
    folder under the name of its content.

    Args:
        path: of the ONNX file.
        threads: that compute; None: one a core.

    Raises:
        BadInput: not such a file, MNN cannot run it, or MNN is missing.
    """

    def __init__(self, path: str | Path, threads: int | None = None):
        path = Path(path)
        require_package("MNN", f"{path}", "MNN", "mnn")
        self.schema = read_onnx_schema(path)
        self._network = _load(path, self.schema.network.size, threads or cores())

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the network, see :class:`~multibox.runtimes.Runtime`."""
        logits, deltas = _forward(self._network, images)
        return logits.read().copy(), deltas.read().copy()  # what is read is MNN's own memory, which it uses again


def _forward(network: Any, images: np.ndarray) -> list[Any]:
    from MNN import expr

    # "NCHW" is what MNN calls the order of any array that came from ONNX; the pixels are (B, H, W, 3).
    image = expr.const(np.ascontiguousarray(images), list(images.shape), expr.NCHW, expr.uint8)
    outputs: list[Any] = network.forward([image])
    return outputs


def _load(path: Path, size: tuple[int, int], threads: int) -> Any:
    from importlib.metadata import version

    place = cache_folder() / "mnn" / f"{content_hash(path)}-{version('MNN')}.mnn"
    if place.is_file():
        try:
            return _open(place, threads)
        except SystemError:  # it is damaged, and is made anew
            pass
    try:
        unfinished = Unfinished(place)
    except (BadInput, RunFailed):  # the cache cannot be written to: do without
        with tempfile.TemporaryDirectory() as folder:
            return _convert(path, size, Path(folder) / place.name, threads)
    try:
        network = _convert(path, size, unfinished.path, threads)
    except BaseException:
        unfinished.discard()
        raise
    with suppress(BadInput, RunFailed):
        unfinished.finish()
    return network


def _convert(path: Path, size: tuple[int, int], out: Path, threads: int) -> Any:
    """Convert an ONNX file, in a process of its own, as what MNN cannot convert may end the process; open and try it.

    A file of integers it may convert, and then give nothing.
    """
    words = ("-f", "ONNX", "--modelFile", path, "--MNNModel", out, "--bizCode", "multibox")
    subprocess.run([sys.executable, "-P", "-c", _CONVERTER, *words], capture_output=True, check=False)
    try:
        network = _open(out, threads)
    except (OSError, SystemError):
        network = None
    if network is None or not _answers(network, size):
        raise BadInput(path, "not a model that MNN can run; choose another --runtime")
    return network


def _answers(network: Any, size: tuple[int, int]) -> bool:
    with no_chatter(1, 2):
        return len(_forward(network, np.zeros((1, *size, 3), np.uint8))) > 0


def _open(path: Path, threads: int) -> Any:
    """Open an MNN file.

    Raises:
        OSError: there is none.
        SystemError: it is not one, or damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    with no_chatter(1, 2):
        from MNN import nn

        settings = {"backend": "CPU", "numThread": threads, "precision": "high"}
        manager = nn.create_runtime_manager((settings,))
        return nn.load_module_from_file(str(path), ["image"], ["classes", "boxes"], runtime_manager=manager)
