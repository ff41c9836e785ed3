"""What TensorRT finds with exported files, and how fast, beside ONNX Runtime on the processor.

    multibox export voc20 --out voc20.onnx
    multibox export voc20 --nms --out voc20-nms.onnx
    python -m benchmarks.tensorrt voc20.onnx voc20-nms.onnx --images photos/*.jpg [--fp16] [--batch 8] [--repeat 200]

It needs an NVIDIA GPU or a Jetson, and the packages ``tensorrt`` (10 or newer) and ``cuda-python``. Prints a line of
JSON for each file: seconds to build the engine, images a second with the copies to and from the GPU, detections of ONNX
Runtime, and how many of these TensorRT finds too. Without a GPU it prints why it did not run, and ends with code 1.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from multibox.boxes import iou
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.models.file import read_onnx_schema
from multibox.runtimes.outputs import Outputs, has_nms
from multibox.runtimes.runtime import Runtime

SCORE, IOU = 0.02, 0.9
"""A detection is found too if its class is equal, its score within ``SCORE``, and its box overlaps by ``IOU``."""


class TensorRt(Runtime):
    """Runs an ONNX file of Multibox with TensorRT. The engine is built for one batch size."""

    name = "tensorrt"

    def __init__(self, path: Path, batch: int, fp16: bool):
        import tensorrt as trt
        from cuda.bindings import runtime as cuda

        self._cuda, self.batch = cuda, batch
        self.schema = read_onnx_schema(path)
        logger = trt.Logger(trt.Logger.WARNING)
        begun = time.perf_counter()
        engine_bytes = self._build(trt, logger, path, fp16)
        self.seconds_to_build = time.perf_counter() - begun
        self._engine = trt.Runtime(logger).deserialize_cuda_engine(engine_bytes)
        self._context = self._engine.create_execution_context()
        tensors = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        self._names = tuple(name for name in tensors if name != "image")
        self.has_nms = has_nms(self._names)
        self._context.set_input_shape("image", (batch, *self.schema.network.size, 3))
        self._host = {
            name: np.empty(self._context.get_tensor_shape(name), trt.nptype(self._engine.get_tensor_dtype(name)))
            for name in tensors
        }
        self._stream = self._checked(cuda.cudaStreamCreate())
        self._device = {name: self._checked(cuda.cudaMalloc(array.nbytes)) for name, array in self._host.items()}
        for name, address in self._device.items():
            self._context.set_tensor_address(name, address)

    def _build(self, trt: Any, logger: Any, path: Path, fp16: bool) -> Any:
        builder = trt.Builder(logger)
        network = builder.create_network(0)
        parser = trt.OnnxParser(network, logger)
        if not parser.parse_from_file(str(path)):
            raise SystemExit("\n".join(str(parser.get_error(index)) for index in range(parser.num_errors)))
        config = builder.create_builder_config()
        if fp16:
            config.set_flag(trt.BuilderFlag.FP16)
        else:
            config.clear_flag(trt.BuilderFlag.TF32)
        profile, shape = builder.create_optimization_profile(), (self.batch, *self.schema.network.size, 3)
        profile.set_shape("image", shape, shape, shape)
        config.add_optimization_profile(profile)
        return builder.build_serialized_network(network, config)

    def _checked(self, answer: tuple[Any, ...]) -> Any:
        error, *values = answer
        if error != self._cuda.cudaError_t.cudaSuccess:
            raise SystemExit(f"CUDA: {error}")
        return values[0] if values else None

    def run(self, images: np.ndarray) -> Outputs:
        """Run the engine on at most ``batch`` images. Arguments and result are those of :meth:`Runtime.run`."""
        cuda, copy = self._cuda, self._cuda.cudaMemcpyKind
        self._host["image"][: len(images)] = images
        self._copy("image", copy.cudaMemcpyHostToDevice)
        self._context.execute_async_v3(self._stream)
        for name in self._names:
            self._copy(name, copy.cudaMemcpyDeviceToHost)
        self._checked(cuda.cudaStreamSynchronize(self._stream))
        return {name: self._host[name][: len(images)].copy() for name in self._names}

    def _copy(self, name: str, kind: Any) -> None:
        ends = (self._host[name].ctypes.data, self._device[name])
        target, source = ends if kind == self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost else reversed(ends)
        self._checked(self._cuda.cudaMemcpyAsync(target, source, self._host[name].nbytes, kind, self._stream))


def found_too(expected: Any, given: Any) -> int:
    """Number of detections that have their like among others."""
    if not len(expected) or not len(given):
        return 0
    like = iou(expected.boxes, given.boxes) >= IOU
    like &= np.abs(expected.scores[:, None] - given.scores) <= SCORE
    return int((like & (expected.labels[:, None] == given.labels)).any(axis=1).sum())


def measure(path: Path, photos: list[np.ndarray], batch: int, repeat: int, fp16: bool) -> dict[str, Any]:
    """Compare a file's detections and time them."""
    tensorrt = TensorRt(path, batch, fp16)
    detectors = load(path), Detector(tensorrt)
    pairs = [[detector(photo) for detector in detectors] for photo in photos]
    expected = sum(len(a) for a, _ in pairs)
    images = np.zeros((batch, *tensorrt.schema.network.size, 3), np.uint8)
    for _ in range(10):
        tensorrt.run(images)
    begun = time.perf_counter()
    for _ in range(repeat):
        tensorrt.run(images)
    return {
        "file": path.name,
        "precision": "fp16" if fp16 else "fp32",
        "seconds_to_build": round(tensorrt.seconds_to_build, 1),
        "images_per_second": round(repeat * batch / (time.perf_counter() - begun), 1),
        "detections": expected,
        "found_too": sum(found_too(a, b) for a, b in pairs),
        "found_by_tensorrt": sum(len(b) for _, b in pairs),
    }


def why_not() -> str | None:
    """Say why nothing can be measured here. None if it can."""
    try:
        import tensorrt as trt
        from cuda.bindings import runtime as cuda
    except ImportError as error:
        return f"not run: no GPU with TensorRT ({error})"
    answer, devices = cuda.cudaGetDeviceCount()
    if answer != cuda.cudaError_t.cudaSuccess or not devices:
        return f"not run: no GPU with TensorRT (TensorRT {trt.__version__} is installed; CUDA says {answer.name})"
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.onnx")
    parser.add_argument("--images", nargs="+", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=200)
    parser.add_argument("--fp16", action="store_true")
    options = parser.parse_args()
    if reason := why_not():
        sys.exit(reason)
    read = [cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in options.images]
    for file in options.files:
        print(json.dumps(measure(file, read, options.batch, options.repeat, options.fp16)))
