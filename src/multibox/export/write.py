"""From a network to a file of another format, verified before it gets its name."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.export.check import Check, check
from multibox.export.litert import write_litert
from multibox.export.onnx_file import make_onnx, require_onnx
from multibox.export.openvino import write_openvino
from multibox.export.saved_model import write_saved_model
from multibox.models.file import MODEL
from multibox.models.schema import Schema
from multibox.runtimes import KerasRuntime, Runtime
from multibox.runtimes.agreement import trial_images
from multibox.runtimes.packages import require_package
from multibox.writing import check_file, check_folder, new_file, new_folder

PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Plan:
    """What to write.

    Attributes:
        kind: Name of the format, one of :data:`FORMATS`.
        nms: Whether the file decodes and runs NMS itself.
        precision: One of :data:`PRECISIONS`.
        images: ``(N, H, W, 3)`` uint8 RGB to find the ranges of ``int8`` with.
    """

    kind: str = "onnx"
    nms: bool = False
    precision: str = "fp32"
    images: np.ndarray | None = None


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        suffix: Suffix of the file or folder.
        precisions: Precisions the format can be written in.
        require: Function that raises BadInput if a package is missing. It takes what is to be exported.
        write: Function that writes a network with its schema to a path.
        is_folder: Whether the format is a folder.
    """

    suffix: str
    precisions: tuple[str, ...]
    require: Callable[[str], None]
    write: Callable[[Any, Schema, Path, Plan], None]
    is_folder: bool = False

    def new(self, out: Path, *, replace: bool = False) -> AbstractContextManager[Path]:
        """Start to write a file or folder, as :mod:`multibox.writing` does."""
        return (new_folder if self.is_folder else new_file)(out, MODEL, replace=replace)

    def refuse_taken(self, out: Path, *, replace: bool = False) -> None:
        """Refuse a path with something that may not be replaced.

        Args:
            out: Path of the file or folder.
            replace: Whether anything at that path may be replaced.

        Raises:
            BadInput: There is such a thing.
        """
        (check_folder if self.is_folder else check_file)(out, MODEL, replace=replace)
        weights = out.with_suffix(".bin")
        if self.suffix == ".xml" and weights.exists() and not out.exists() and not replace:
            raise BadInput(weights, "exists, and belongs to something else; give another name, or set replace=True")


def _write_onnx(network: Any, schema: Schema, path: Path, plan: Plan) -> None:
    import onnx

    onnx.save(make_onnx(network, schema, nms=plan.nms, precision=plan.precision, images=plan.images), path)


def _write_openvino(network: Any, schema: Schema, path: Path, plan: Plan) -> None:
    through = "int8" if plan.precision == "int8" else "fp32"  # OpenVINO rounds to float16 itself
    model = make_onnx(network, schema, nms=plan.nms, precision=through, images=plan.images)
    write_openvino(model, schema, path, precision=plan.precision)


def _write_litert(network: Any, schema: Schema, path: Path, plan: Plan) -> None:
    write_litert(network, schema, path, nms=plan.nms, precision=plan.precision, images=plan.images)


def _write_saved_model(network: Any, schema: Schema, path: Path, plan: Plan) -> None:
    write_saved_model(network, schema, path, nms=plan.nms)


def _require_openvino(what: str) -> None:
    require_onnx(what)
    require_package("openvino", what, "OpenVINO", "openvino")


def _require_litert(what: str) -> None:
    require_package("ai_edge_litert", what, "LiteRT", "litert")


FORMATS = {
    "onnx": Format(".onnx", PRECISIONS, require_onnx, _write_onnx),
    "saved-model": Format(".savedmodel", ("fp32",), lambda what: None, _write_saved_model, is_folder=True),
    "litert": Format(".tflite", PRECISIONS, _require_litert, _write_litert),
    "openvino": Format(".xml", PRECISIONS, _require_openvino, _write_openvino),
}
"""Formats by their names."""


def write(
    network: Any,
    schema: Schema,
    out: Path,
    plan: Plan,
    images: np.ndarray,
    then: Callable[[Detector], None] | None = None,
    *,
    replace: bool = False,
) -> Check:
    """Write a network in another format. The file gets its name once it is verified, and is not kept otherwise.

    Args:
        network: The Keras model, on TensorFlow.
        schema: Schema of the model.
        out: File or folder to write. A model that an earlier export wrote there is replaced.
        plan: What to write.
        images: ``(N, H, W, 3)`` uint8 RGB of the network's size, to try it on.
        then: Function called with a detector of the written file before it gets its name.
        replace: Whether to replace something that is no model of Multibox.

    Returns:
        Differences from the Keras model, as :func:`~multibox.export.check.check` returns them.

    Raises:
        BadInput: If a package is missing, or Keras does not run on TensorFlow.
        RunFailed: If the file does not detect the same.
    """
    require_tensorflow()
    form = FORMATS[plan.kind]
    with form.new(out, replace=replace) as new:
        form.write(network, schema, new, plan)
        detector = load(new)
        checked = check(KerasRuntime(network, schema), detector.runtime, images, plan.precision)
        if then:
            then(detector)
    return checked


def require_tensorflow() -> None:
    """Refuse to export with Keras on another backend, which has no graph."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise BadInput(f"KERAS_BACKEND={keras.backend.backend()}", "export needs tensorflow; set it for this command")


def write_onnx(network: Any, schema: Schema, out: str | os.PathLike[str]) -> None:
    """Write a network as ONNX, and verify it on two images: noise, and soft blots of colour.

    Args:
        network: The Keras model.
        schema: Schema of the model.
        out: File to write. One that an earlier export wrote is replaced. :func:`~multibox.export.onnx_file.make_onnx`
            describes input and outputs.

    Raises:
        BadInput: If a package is missing.
        RunFailed: If the file does not detect the same.
    """
    require_onnx("export")
    write(network, schema, Path(out), Plan(), trial_images(schema))


def check_same(expected: Runtime, given: Runtime) -> None:
    """Compare two runtimes of one network on two images.

    Args:
        expected: Runtime of the original.
        given: Runtime of what was made of it.

    Raises:
        RunFailed: If they do not detect the same.
    """
    check(expected, given, trial_images(expected.schema), "fp32")
