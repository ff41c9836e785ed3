"""Export to LiteRT, formerly TensorFlow Lite, for phones and single-board computers."""

import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from multibox.export.litert_file import LiteRtFile
from multibox.export.litert_metadata import BUFFER, LABELS, make_metadata
from multibox.export.saved_model import save
from multibox.export.ssd_layout import row_count, trace_ssd_layout
from multibox.export.tensorflow_graph import SCOPE, choose_by_class, freeze
from multibox.models.backend import no_chatter
from multibox.models.schema import MEMBER, Schema
from multibox.runtimes.ssd_layout import SSD_LAYOUT

UNNAMED = ("STRIDED_SLICE", "TOPK_V2", "SELECT_V2")
"""Operators of decoding whose outputs have no names by which the converter could exclude them. No network has such
operators."""


def write_litert(
    network: Any,
    schema: Schema,
    path: Path,
    *,
    nms: bool = False,
    precision: str = "fp32",
    images: np.ndarray | None = None,
) -> None:
    """Write a network as a LiteRT file for one image at a time, with built-in operators only.

    The schema is appended to the file as a zip archive, as usual for associated files of LiteRT models. Programs that
    run the model ignore the archive.

    Args:
        network: Keras model, on the backend TensorFlow.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        path: Path of the ``.tflite`` file.
        nms: Whether the file runs decoding and NMS itself, and gives detections.
        precision: ``fp32``, ``fp16`` (weights are stored in float16) or ``int8`` (computes in integers).
        images: ``(N, H, W, 3)`` uint8 RGB images that calibrate ``int8``. None for the other precisions.
    """
    content = _convert(freeze(network, schema, 1, choose_by_class if nms else None), schema, precision, images)
    _write(path, content, {MEMBER: schema.to_json(indent=2)})


def write_ssd_layout(
    network: Any, schema: Schema, path: Path, *, precision: str = "fp32", images: np.ndarray | None = None
) -> None:
    """Write a network as a LiteRT file with SSD's four outputs, TensorFlow Lite's metadata and the class names.

    Args:
        network: Keras model, on the backend TensorFlow.
        schema: Schema of the file, as :func:`~multibox.export.ssd_layout.in_ssd_layout` returns it.
        path: Path of the ``.tflite`` file.
        precision: ``fp32``, ``fp16`` (weights are stored in float16) or ``int8`` (computes in integers up to the
            post-processing).
        images: ``(N, H, W, 3)`` uint8 RGB images that calibrate ``int8``. None for the other precisions.
    """
    file = LiteRtFile(_convert(trace_ssd_layout(network, schema), schema, precision, images))
    file.order_outputs(SSD_LAYOUT)
    file.set_option("detections_per_class", row_count(schema))  # the converter drops it, and the operator takes 100
    if precision == "int8":
        file.take_pixels_as_integers()
    title = f"{schema.network.layout} on {schema.network.trunk}"
    file.add_metadata(BUFFER, make_metadata(title, f"SSD detector of {len(schema.classes)} classes"))
    labels = "".join(f"{name}\n" for name in schema.classes)
    _write(path, file.to_bytes(), {LABELS: labels, MEMBER: schema.to_json(indent=2)})


def _write(path: Path, content: bytes, members: dict[str, str]) -> None:
    """Write a model with files behind it: a zip archive that is not compressed, as MediaPipe reads it."""
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in members.items():
            archive.writestr(name, text)


def _convert(function: Any, schema: Schema, precision: str, images: np.ndarray | None) -> bytes:
    import tensorflow

    lite = tensorflow.lite
    with tempfile.TemporaryDirectory() as folder:
        save(function, schema, Path(folder))
        converter = lite.TFLiteConverter.from_saved_model(folder)
        if precision == "fp16":
            converter.optimizations = [lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tensorflow.float16]
        with warnings.catch_warnings(), no_chatter(1, 2):
            warnings.simplefilter("ignore")
            return _to_int8(converter, images) if precision == "int8" else converter.convert()


def _to_int8(converter: Any, images: np.ndarray | None) -> bytes:
    """Convert to int8, except for decoding, which would round boxes to a pixel or two."""
    import tensorflow
    from ai_edge_litert.interpreter import Interpreter

    if images is None:
        raise ValueError("int8 needs images to calibrate with")
    lite = tensorflow.lite
    converter.optimizations = [lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _one_by_one(images)
    debugger = lite.experimental.QuantizationDebugger(converter=converter)  # the converter's own knows no exceptions
    own = _names_of_decoding(Interpreter(model_content=debugger.calibrated_model))
    debugger.options = lite.experimental.QuantizationDebugOptions(denylisted_nodes=own, denylisted_ops=list(UNNAMED))
    return debugger.get_nondebug_quantized_model()


def _names_of_decoding(model: Any) -> list[str]:
    """Names of the tensors of decoding, among which are then the outputs. A plain file has none."""
    own = [tensor["name"] for tensor in model.get_tensor_details() if tensor["name"].startswith(SCOPE)]
    return own and [*own, *(output["name"] for output in model.get_output_details())]


def _one_by_one(images: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    for image in images:
        yield {"image": image[None]}
