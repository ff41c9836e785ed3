"""The runtime ncnn, which is small and fast on the ARM processors of phones and single-board computers."""

import os
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.machine import cores
from multibox.models.backend import no_chatter
from multibox.models.file import read_onnx_schema
from multibox.models.schema import MEMBER, Schema, parse_schema
from multibox.runtimes.cache import cache_folder, content_hash, kept
from multibox.runtimes.ncnn_files import PARAM, SUFFIX, WEIGHTS, check_files, is_half, write_files
from multibox.runtimes.ncnn_graph import CONVERSION, to_ncnn
from multibox.runtimes.outputs import NETWORK, Outputs
from multibox.runtimes.packages import require_package
from multibox.runtimes.runtime import Runtime

_LOWER = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic")
"""Options with which ncnn computes in float16 where the processor can. By default it does."""


class NcnnRuntime(Runtime):
    """Runs a file that ``multibox export`` wrote with ncnn, one image at a time, on the CPU.

    An ONNX file is converted when it is first opened, and the result is kept in the cache folder under a hash of the
    file's content.

    Args:
        path: Path of an ``.onnx`` file, or of an ``.ncnn`` folder. A folder with float16 weights is computed in float16
            if the processor supports it.
        threads: Number of threads to compute with. None means one per core.

    Raises:
        BadInput: The file is not a model of Multibox, ncnn cannot run it, or ncnn is not installed.
    """

    name = "ncnn"

    def __init__(self, path: str | Path, threads: int | None = None):
        path, threads = Path(path), threads or cores()
        require_package("ncnn", f"{path}", "ncnn", "ncnn")
        if path.suffix == SUFFIX:
            self.schema, self._network = _open(path, threads)
        else:
            self.schema = read_onnx_schema(path)
            self._network = _from_onnx(path, self.schema, threads)

    def run(self, images: np.ndarray) -> Outputs:
        """Run the network on a batch of images. Arguments and result are those of :meth:`Runtime.run`."""
        each = [self._run_one(image) for image in images]
        return {name: np.stack([outputs[name] for outputs in each]) for name in NETWORK}

    def _run_one(self, image: np.ndarray) -> Outputs:
        ncnn = import_ncnn()
        height, width, _ = image.shape
        rgb = ncnn.Mat.PixelType.PIXEL_RGB
        extractor = self._network.create_extractor()  # takes one image only: a second would get the first one's outputs
        extractor.input("image", ncnn.Mat.from_pixels(np.ascontiguousarray(image), rgb, width, height))
        return {name: np.array(extractor.extract(name)[1]) for name in NETWORK}


def import_ncnn() -> Any:
    """Import ncnn, and let its threads sleep while they wait for one another.

    Otherwise waiting threads keep their cores busy, and an image takes up to 60 times as long if other programs run
    too.

    Returns:
        The module ``ncnn``.
    """
    variable = "OMP_WAIT_POLICY"  # OpenMP reads it when it is loaded
    is_set = variable in os.environ
    os.environ.setdefault(variable, "passive")
    try:
        import ncnn
    finally:
        if not is_set:
            del os.environ[variable]
    return ncnn


def _from_onnx(path: Path, schema: Schema, threads: int) -> Any:
    def convert(folder: Path) -> Any:
        require_package("onnx", f"{path}", "onnx", "ncnn")
        try:
            model = to_ncnn(_simplified(path), schema.make_priors())
        except Exception:  # ONNX Runtime's errors have no common class; the file was read, so it is at fault
            raise BadInput(path, "not a model that ncnn can run; choose another runtime") from None
        write_files(model, schema, folder)
        return _open(folder, threads)[1]

    place = cache_folder() / "ncnn" / f"{content_hash(path)}-{CONVERSION}{SUFFIX}"
    return kept(place, lambda folder: _open(folder, threads)[1], convert, is_folder=True)


def _simplified(path: Path) -> Any:
    """An ONNX file for one image, as ONNX Runtime simplifies it: a file of version 0.1.0 computes shapes otherwise.

    ONNX Runtime runs it once, which verifies that the shapes of all weights fit together. ncnn does not verify that.
    """
    import onnx
    import onnxruntime

    model = onnx.load(path)
    (image,) = model.graph.input
    image.type.tensor_type.shape.dim[0].dim_value = 1
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        options.optimized_model_filepath = f"{folder}/simple.onnx"
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
        session.run(None, {image.name: np.zeros(session.get_inputs()[0].shape, np.uint8)})
        return onnx.load(options.optimized_model_filepath)


def _open(folder: Path, threads: int) -> tuple[Schema, Any]:
    """Open a folder.

    Raises:
        BadInput: A file is missing, damaged or changed, or is no network that ncnn can run.
    """
    ncnn = import_ncnn()
    contents = check_files(folder)
    schema = parse_schema(contents[MEMBER], str(folder))
    network = ncnn.Net()
    network.opt.num_threads = threads
    for name in _LOWER:
        setattr(network.opt, name, is_half(contents[WEIGHTS]))
    with no_chatter(2):
        opened = network.load_param(str(folder / PARAM)) == network.load_model(str(folder / WEIGHTS)) == 0
    if not opened:
        raise BadInput(folder, "not a model that ncnn can run; export it again")
    return schema, network
