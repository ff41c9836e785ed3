"""Writes a network in another format, and verifies the file before it appears under its name."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multibox.detect.detector import Detector
from multibox.errors import BadInput, RunFailed
from multibox.export.check import Check, check
from multibox.export.edgetpu import require_mapped
from multibox.export.litert import write_litert, write_ssd_layout
from multibox.export.ncnn import write_ncnn
from multibox.export.onnx_file import make_onnx, require_onnx
from multibox.export.openvino import write_openvino
from multibox.export.saved_model import write_saved_model
from multibox.export.ssd_layout import in_ssd_layout
from multibox.export.web import MODEL as SITE_MODEL
from multibox.export.web import SITE, Site, write_site
from multibox.models.file import MODEL
from multibox.models.schema import Loss, Schema
from multibox.runtimes import KerasRuntime, Runtime, open_runtime
from multibox.runtimes.agreement import trial_images
from multibox.runtimes.packages import require_package
from multibox.writing import Kind, check_file, check_folder, new_file, new_folder

PRECISIONS = ("fp32", "fp16", "int8")

Measure = Callable[[Detector], Loss | None]
"""Function that measures what the precision of a file costs. It takes a detector that runs the file."""

TARGETS = ("mediapipe", "edgetpu")
"""Programs that read a LiteRT file with SSD's four outputs: MediaPipe Tasks, and the Edge TPU's compiler."""


@dataclass(frozen=True)
class Plan:
    """The options of an export: format, NMS, precision, images for calibration, content of a site, and target program.

    Attributes:
        kind: Name of the format, one of :data:`FORMATS`.
        nms: Whether the file runs decoding and NMS itself, and gives detections.
        precision: Precision of the file, one of :data:`PRECISIONS`.
        images: Images with which the value ranges for ``int8`` are measured, ``(N, H, W, 3)`` uint8 RGB. None for other
            precisions.
        site: Content of a site besides its model. None for other formats.
        target: Program that a LiteRT file with SSD's four outputs is for, one of :data:`TARGETS`. None for other files.
    """

    kind: str = "onnx"
    nms: bool = False
    precision: str = "fp32"
    images: np.ndarray | None = None
    site: Site | None = None
    target: str | None = None


@dataclass(frozen=True)
class Format:
    """A file format that a network can be written in.

    Attributes:
        suffix: Suffix of the file or folder. Empty if the folder may have any name.
        precisions: Precisions that the format supports.
        require: Function that raises BadInput if a package for the format is missing. It takes the name of the file or
            command, for the message.
        write: Function that writes a network with its schema and an export's options to a path.
        is_folder: Whether the format is a folder.
        on_tensorflow: Whether Keras must run on TensorFlow to write the format.
        nms: Whether a file of the format can run decoding and NMS itself.
        model: Path of the network's file, relative to the folder. Empty if the network is the whole file or folder.
        own: Kind of the file or folder, for the rule of :mod:`multibox.writing`.
    """

    suffix: str
    precisions: tuple[str, ...]
    require: Callable[[str], None]
    write: Callable[[Any, Schema, Path, Plan], None]
    is_folder: bool = False
    on_tensorflow: bool = False
    nms: bool = True
    model: str = ""
    own: Kind = MODEL

    def new(self, out: Path, *, replace: bool = False) -> AbstractContextManager[Path]:
        """Open a new file or folder of the format for writing.

        The file or folder appears at ``out`` when the block ends.
        """
        return (new_folder if self.is_folder else new_file)(out, self.own, replace=replace)

    @property
    def backend(self) -> str | None:
        """Backend of Keras that the format needs, if the user has not chosen one. None if any backend will do."""
        return "tensorflow" if self.on_tensorflow and not os.environ.get("KERAS_BACKEND") else None

    def require_backend(self) -> None:
        """Verify that Keras runs on TensorFlow, if the format is made from a TensorFlow graph.

        Raises:
            BadInput: Keras runs on another backend than TensorFlow, and the format needs TensorFlow.
        """
        import keras

        backend = keras.backend.backend()
        if self.on_tensorflow and backend != "tensorflow":
            raise BadInput(
                f"KERAS_BACKEND={backend}",
                "exporting to this format needs tensorflow; set KERAS_BACKEND=tensorflow, or export to onnx",
            )

    def refuse_taken(self, out: Path, *, replace: bool = False) -> None:
        """Verify that a path may be written to.

        Args:
            out: Path of the file or folder.
            replace: Whether something that is not a model of Multibox may be replaced.

        Raises:
            BadInput: The path holds something that may not be replaced.
        """
        (check_folder if self.is_folder else check_file)(out, self.own, replace=replace)
        weights = out.with_suffix(".bin")
        if self.suffix == ".xml" and weights.exists() and not out.exists() and not replace:
            raise BadInput(
                weights,
                "exists already, and the export would replace this file; give another name, or set replace=True",
            )


def _write_onnx(network: Any, schema: Schema, path: Path, plan: Plan) -> None:
    import onnx

    onnx.save(make_onnx(network, schema, nms=plan.nms, precision=plan.precision, images=plan.images), path)


def _write_openvino(network: Any, schema: Schema, path: Path, plan: Plan) -> None:
    through = "int8" if plan.precision == "int8" else "fp32"  # OpenVINO rounds to float16 itself
    model = make_onnx(network, schema, nms=plan.nms, precision=through, images=plan.images, openvino=True)
    write_openvino(model, schema, path, precision=plan.precision)


def _write_ncnn(network: Any, schema: Schema, path: Path, plan: Plan) -> None:
    write_ncnn(make_onnx(network, schema), schema, path, half=plan.precision == "fp16")


def _write_litert(network: Any, schema: Schema, path: Path, plan: Plan) -> None:
    if plan.target is None:
        write_litert(network, schema, path, nms=plan.nms, precision=plan.precision, images=plan.images)
        return
    write_ssd_layout(network, schema, path, precision=plan.precision, images=plan.images)
    if plan.target == "edgetpu":
        require_mapped(path)


def _write_saved_model(network: Any, schema: Schema, path: Path, plan: Plan) -> None:
    write_saved_model(network, schema, path, nms=plan.nms)


def _write_web(network: Any, schema: Schema, path: Path, plan: Plan) -> None:
    assert plan.site is not None
    public = schema.model_copy(update={"training": {}})  # it names folders of this machine
    model = make_onnx(network, public, precision=plan.precision, images=plan.images)
    write_site(path, plan.site, public, model.SerializeToString())


def _require_openvino(what: str) -> None:
    require_onnx(what)
    require_package("openvino", what, "OpenVINO", "openvino")


def _require_ncnn(what: str) -> None:
    require_onnx(what)
    require_package("ncnn", what, "ncnn", "ncnn")


def _require_litert(what: str) -> None:
    require_package("ai_edge_litert", what, "LiteRT", "litert")


FORMATS = {
    "onnx": Format(".onnx", PRECISIONS, require_onnx, _write_onnx),
    "saved-model": Format(".savedmodel", ("fp32",), lambda what: None, _write_saved_model, True, on_tensorflow=True),
    "litert": Format(".tflite", PRECISIONS, _require_litert, _write_litert, on_tensorflow=True),
    "openvino": Format(".xml", PRECISIONS, _require_openvino, _write_openvino),
    "ncnn": Format(".ncnn", ("fp32", "fp16"), _require_ncnn, _write_ncnn, True, nms=False),
    "web": Format("", PRECISIONS, require_onnx, _write_web, True, nms=False, model=SITE_MODEL, own=SITE),
}
"""File formats by name, as ``multibox export`` takes them."""


def write(
    network: Any,
    schema: Schema,
    out: Path,
    plan: Plan,
    images: np.ndarray,
    measure: Measure | None = None,
    *,
    replace: bool = False,
) -> Check:
    """Write a network in another format.

    The file gets its name once it is verified. If it fails the verification, it is removed.

    Args:
        network: Keras model.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        out: File or folder to write. A model that an earlier export wrote there is replaced.
        plan: Format, NMS and precision to write, with images for calibration.
        images: ``(N, H, W, 3)`` uint8 RGB images of the network's input size, on which the file is verified.
        measure: Function that measures what the precision costs, given a detector that runs the verified file. The
            result is noted in the file's schema. None measures nothing.
        replace: Whether to replace something that is not a model of Multibox.

    Returns:
        Differences from the Keras model, as :func:`~multibox.export.check.check` returns them.

    Raises:
        BadInput: If a package is missing, the format needs Keras on TensorFlow and Keras runs on another backend, or
            the plan's target does not support a layer.
        RunFailed: If the file cannot be run, or does not detect the same as the Keras model.
    """
    form = FORMATS[plan.kind]
    form.require_backend()
    schema = in_ssd_layout(schema) if plan.target else schema
    schema = schema.model_copy(update={"precision": plan.precision})
    with form.new(out, replace=replace) as new:
        form.write(network, schema, new, plan)
        checked, loss = _try(KerasRuntime(network, schema), new / form.model, images, plan.precision, measure)
        if loss is not None and plan.precision == "int8":
            form.write(network, schema.model_copy(update={"loss": loss}), new, plan)
    return checked


def _try(
    expected: Runtime, path: Path, images: np.ndarray, precision: str, measure: Measure | None
) -> tuple[Check, Loss | None]:
    """Verify a written file, and measure what its precision costs. The file is closed again."""
    runtime = _open(path)
    checked = check(expected, runtime, images, precision)
    return checked, measure(Detector(runtime)) if measure else None


def _open(path: Path) -> Runtime:
    try:
        return open_runtime(path)
    except BadInput as error:  # its field is the temporary name
        raise RunFailed(f"export: the exported model cannot be run: {error.message}; the file was removed") from None


def write_onnx(network: Any, schema: Schema, out: str | os.PathLike[str]) -> None:
    """Write a network as ONNX, and verify the file on two images: noise, and blurred patches of colour.

    Args:
        network: Keras model.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        out: File to write. A file that an earlier export wrote is replaced.
            :func:`~multibox.export.onnx_file.make_onnx` describes input and outputs.

    Raises:
        BadInput: If a package is missing.
        RunFailed: If the file does not detect the same as the Keras model.
    """
    require_onnx("export")
    write(network, schema, Path(out), Plan(), trial_images(schema))


def check_same(expected: Runtime, given: Runtime) -> None:
    """Compare two runtimes of one network on two images.

    Args:
        expected: Runtime that runs the original network.
        given: Runtime that runs the exported file.

    Raises:
        RunFailed: If the two runtimes do not detect the same.
    """
    check(expected, given, trial_images(expected.schema), "fp32")
