"""Export of a model file to another format."""

import logging
import math
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from multibox.data.open import find_dataset
from multibox.data.store import Store, open_store
from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.evaluation.evaluate import evaluate
from multibox.evaluation.test_set import open_split
from multibox.export.check import Check
from multibox.export.images import prepared
from multibox.export.web import prepare_site
from multibox.export.write import FORMATS, PRECISIONS, TARGETS, Plan, write
from multibox.models.file import fingerprint
from multibox.models.schema import Loss, Schema
from multibox.models.shipped import folder_for, is_shipped, model_path
from multibox.prepare.tiles import tiles_of
from multibox.runtimes import Runtime, open_runtime
from multibox.writing import first_free

log = logging.getLogger("multibox")

TRIED = 8
"""Number of images that every exported file is verified on."""

CALIBRATED = 100
"""Number of images with which the value ranges of int8 are calibrated."""


@dataclass(frozen=True)
class Exported:
    """An exported file.

    Attributes:
        path: Path of the file or folder.
        precision: Precision of the file: ``fp32``, ``fp16`` or ``int8``.
        check: Result of comparing the file with the Keras model.
        tried: Description of the images that the file was verified on, such as a dataset's name.
        maps: Mean average precision at IoU 0.5 of the Keras model and of the file. None if it was not measured.
    """

    path: Path
    precision: str
    check: Check
    tried: str
    maps: tuple[float, float] | None


def export(
    model: str | os.PathLike[str],
    kind: str = "onnx",
    out: str | os.PathLike[str] | None = None,
    *,
    nms: bool = False,
    precision: str = "fp32",
    target: str | None = None,
    calibrate: str | None = None,
    evaluate_on: str | None = None,
    onnxruntime_web: str | os.PathLike[str] | None = None,
    webgpu: bool = False,
    replace: bool = False,
) -> Exported:
    """Write a model file in another format, and verify that the exported file detects the same.

    Args:
        model: Path of a ``.keras`` file, or ``voc20``, the bundled detector.
        kind: Format to write: ``onnx``, ``saved-model``, ``litert``, ``openvino``, ``ncnn`` or ``web``.
        out: File or folder to write. None takes a name such as ``model-int8.onnx``, beside the model if it is a file.
        nms: Whether the file runs decoding and NMS itself, and gives detections.
        precision: ``fp32``, ``fp16``, or ``int8``, whose value ranges are calibrated with images.
        target: Program that a LiteRT file is for, ``mediapipe`` or ``edgetpu``. Both get SSD's four outputs, metadata
            and class names. For ``edgetpu``, every layer is verified to run on the Edge TPU.
        calibrate: Store with the images for ``int8``, as ``NAME/SPLIT``. Only the bundled detector can do without.
        evaluate_on: Store on which both models' mean average precision is measured, as ``NAME/SPLIT``.
        onnxruntime_web: File of the npm package ``onnxruntime-web`` for ``web``. None fetches it with npm once.
        webgpu: Whether a site can run its model on the GPU too, which adds 27 MB to it.
        replace: Whether to replace something that is not a model of Multibox. Without ``out``, a free name is taken.

    Returns:
        The exported file and its verification.

    Raises:
        BadInput: If there is no such model or store, the model is not a ``.keras`` file, the format or the target does
            not support an option or a layer, or a package is missing.
        RunFailed: If the file does not detect the same as the Keras model, or npm fails. No file remains.
    """
    _require_web(kind, onnxruntime_web=onnxruntime_web, webgpu=webgpu)
    model = model_path(model, ".keras")
    _require_fitting(target, kind, precision, nms)
    _require_images(model, precision, calibrate)
    path = _path(model, kind, out, _marks(kind, nms, target, precision), precision, replace)
    FORMATS[kind].require(f"{model}")
    site = prepare_site(model.stem, onnxruntime_web, webgpu=webgpu) if kind == "web" else None
    calibration = open_store(find_dataset(calibrate)) if calibrate is not None else None
    judged = open_split(evaluate_on) if evaluate_on is not None else None
    runtime: Any = open_runtime(model, backend=FORMATS[kind].backend)
    FORMATS[kind].require_backend()
    schema: Schema = runtime.schema
    _require_able(schema, nms, target, kind)
    seen = judged or calibration
    maps: list[float] = []
    measure = None if judged is None else partial(_measure, judged, runtime, maps)
    images = prepared(schema, calibration, CALIBRATED) if precision == "int8" else None
    plan = Plan(kind, nms, precision, images, site, target)
    labelled = schema.model_copy(update={"weights": fingerprint(model)})
    checked = write(runtime.network, labelled, path, plan, prepared(schema, seen, TRIED), measure, replace=replace)
    tried = "rendered scenes" if seen is None else f"{seen.meta.name}/{seen.meta.split}"
    return Exported(path, precision, checked, tried, (maps[0], maps[1]) if maps else None)


def _measure(judged: Store, original: Runtime, maps: list[float], detector: Detector) -> Loss | None:
    """Append the mean average precision of the original and of the exported file, and return what was lost."""
    maps.extend(evaluate(one, judged).map for one in (Detector(original), detector))
    lost = round(maps[0] - maps[1], 5)
    return None if math.isnan(lost) else Loss(map=lost, data=f"{judged.meta.name}/{judged.meta.split}")


def export_onnx(model: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> Path:
    """Write a model file as ONNX in float32, as :func:`export` does by default."""
    return export(model, "onnx", out).path


def _path(
    model: Path, kind: str, out: str | os.PathLike[str] | None, marks: list[str], precision: str, replace: bool
) -> Path:
    """Path of the file to write. A path that may not be written is refused before the model is loaded."""
    if kind not in FORMATS:
        raise BadInput("kind", f"{kind} is unknown; choose one of {', '.join(FORMATS)}")
    form = FORMATS[kind]
    if precision not in form.precisions:
        able = ", ".join(name for name, other in FORMATS.items() if precision in other.precisions)
        what = f"is available in {able} only" if able else f"is unknown; choose one of {', '.join(PRECISIONS)}"
        raise BadInput("precision", f"{precision} {what}")
    if "nms" in marks and not form.nms:
        raise BadInput(
            "nms", f"cannot be part of {kind} files, because their runtime runs NMS after the network; leave nms out"
        )
    if model.suffix != ".keras" and model.exists():
        raise BadInput(model, "is not a .keras file; give the .keras file of a run")
    parts = [model.stem, *marks]
    check = partial(form.refuse_taken, replace=replace)
    path = first_free(folder_for(model), "-".join(parts), form.suffix, check) if out is None else Path(out)
    if form.suffix and path.suffix != form.suffix:
        raise BadInput("out", f"{path}: give a name that ends in {form.suffix}, the suffix of this format")
    check(path)
    return path


def _marks(kind: str, nms: bool, target: str | None, precision: str) -> list[str]:
    """Parts of a file's name that say what it is."""
    marks = {"web": kind == "web", "nms": nms, target: target, precision: precision != "fp32"}
    return [f"{name}" for name, is_so in marks.items() if is_so]


def _require_web(kind: str, **given: object) -> None:
    """Refuse parameters of sites for another format."""
    for name, value in given.items():
        if value and kind != "web":
            raise BadInput(name, "is for the format web only; leave it out")


def _require_images(model: Path, precision: str, calibrate: str | None) -> None:
    if precision == "int8" and calibrate is None and not is_shipped(model):
        raise BadInput("precision", "int8 needs real images to find the ranges of values; set calibrate=NAME/SPLIT")
    if precision != "int8" and calibrate is not None:
        raise BadInput("calibrate", "is for precision=int8 only; leave it out")


def _require_fitting(target: str | None, kind: str, precision: str, nms: bool) -> None:
    """Verify that a file for a target may have the other options."""
    if target is None:
        return
    if target not in TARGETS:
        raise BadInput("target", f"{target} is unknown; choose one of {', '.join(TARGETS)}")
    if kind != "litert":
        raise BadInput("target", f'{target} reads LiteRT files; set kind="litert"')
    if nms:
        raise BadInput("nms", f"a file for {target} always runs NMS itself; leave it out")
    if target == "edgetpu" and precision != "int8":
        raise BadInput(
            "precision",
            f'{precision}: the Edge TPU needs integers; set precision="int8" and calibrate=NAME/SPLIT',
        )


def _require_able(schema: Schema, nms: bool, target: str | None, kind: str) -> None:
    """Verify that a file with NMS, or for a target, can do what the model's schema says."""
    if (nms or target) and (schema.detect.nms != "hard" or schema.detect.agnostic):
        field, how = "target" if target else "nms", "agnostic" if schema.detect.agnostic else schema.detect.nms
        raise BadInput(
            field,
            f"the NMS in a file is always hard and by class, but the model's configuration says {how}; leave it out",
        )
    if schema.tiles != "none" and (kind == "web" or target):
        log.warning(
            "the model was trained on %s, but %s whole images; cut large images before detection",
            tiles_of(schema.tiles),
            "sites search" if kind == "web" else f"{target} searches",
        )
    if target:
        _require_lines(schema)


def _require_lines(schema: Schema) -> None:
    """Verify that the names of the classes fit a file with a line for each, and say what a target does otherwise."""
    for name in schema.classes:
        if not name.strip() or "\0" in name or name.splitlines() != [name]:
            raise BadInput(
                "target", f"the class name {name!r} does not fit on a line of the file of class names; rename the class"
            )
    if schema.resize == "letterbox":
        log.warning(
            "the model was trained on letterboxed images, but programs that read such files stretch images; letterbox "
            "images before detection, or train with data.resize=warp"
        )
