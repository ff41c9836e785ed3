"""LiteRT, formerly TensorFlow Lite: one file for phones and small boards."""

import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from multibox.export.saved_model import save
from multibox.export.tensorflow_graph import SCOPE, choose_by_class, freeze
from multibox.models.backend import no_chatter
from multibox.models.schema import MEMBER, Schema

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
    images: Any = None,
) -> None:
    """Write a network as a LiteRT file for one image at a time, with built-in operators only.

    The schema is appended as a zip archive, as is usual for the associated files of a LiteRT model. Programs that run
    the model ignore the archive.

    Args:
        network: Keras model, on the backend TensorFlow.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        path: Path of the ``.tflite`` file.
        nms: Whether the file runs decoding and NMS itself, and gives detections.
        precision: ``fp32``, ``fp16`` (weights are stored in float16) or ``int8`` (computes in integers).
        images: ``(N, H, W, 3)`` uint8 RGB images that calibrate ``int8``. None for the other precisions.
    """
    import tensorflow

    lite = tensorflow.lite
    with tempfile.TemporaryDirectory() as folder:
        save(freeze(network, schema, 1, choose_by_class if nms else None), schema, Path(folder))
        converter = lite.TFLiteConverter.from_saved_model(folder)
        if precision == "fp16":
            converter.optimizations = [lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tensorflow.float16]
        with warnings.catch_warnings(), no_chatter(1, 2):
            warnings.simplefilter("ignore")
            path.write_bytes(_to_int8(converter, images) if precision == "int8" else converter.convert())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, schema.to_json(indent=2))


def _to_int8(converter: Any, images: np.ndarray) -> bytes:
    """Convert to int8, except for decoding, which would round boxes to a pixel or two."""
    import tensorflow
    from ai_edge_litert.interpreter import Interpreter

    lite = tensorflow.lite
    converter.optimizations = [lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _one_by_one(images)
    debugger = lite.experimental.QuantizationDebugger(converter=converter)  # the converter's own knows no exceptions
    names = [tensor["name"] for tensor in Interpreter(model_content=debugger.calibrated_model).get_tensor_details()]
    own = [name for name in names if name.startswith(SCOPE)]
    debugger.options = lite.experimental.QuantizationDebugOptions(denylisted_nodes=own, denylisted_ops=list(UNNAMED))
    return debugger.get_nondebug_quantized_model()


def _one_by_one(images: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    for image in images:
        yield {"image": image[None]}
