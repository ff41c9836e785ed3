"""ONNX: the format that the base install detects with, and that OpenVINO and MNN read."""

import importlib.util
import logging
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

from multibox.errors import BadInput, install
from multibox.export.onnx_detections import add_detections, rename
from multibox.export.onnx_precision import to_float16, to_int8
from multibox.models.schema import MEMBER, PARAMETERS, Schema


def require_onnx(what: str) -> None:
    """Verify that the packages for writing ONNX are installed.

    Args:
        what: File or command that needs the packages, for the message.

    Raises:
        BadInput: If a package is missing.
    """
    if not all(importlib.util.find_spec(name) for name in ("keras", "onnx", "tf2onnx")):
        raise BadInput(what, f"export needs Keras, onnx and tf2onnx; {install('train,export')}")


def make_onnx(network: Any, schema: Schema, *, nms: bool = False, precision: str = "fp32", images: Any = None) -> Any:
    """Convert a network to ONNX.

    Args:
        network: Keras model, on the backend TensorFlow.
        schema: Schema of the model.
        nms: Whether the file runs decoding and NMS itself, always in float32, and gives detections.
        precision: Precision of the network: ``fp32``, ``fp16`` or ``int8``.
        images: ``(N, H, W, 3)`` uint8 RGB images with which the ranges of ``int8`` are found. Needed by ``int8`` only.

    Returns:
        An ``onnx.ModelProto``. Its input is ``image``, ``(batch, H, W, 3)`` uint8 RGB. Its outputs are ``classes``,
        ``(batch, P, C + 1)`` float32 logits, and ``boxes``, ``(batch, P, 4)`` float32 deltas, or with ``nms`` those of
        :data:`~multibox.runtimes.outputs.DETECTIONS`. The schema is in the metadata, under ``multibox.json``.
    """
    model = _convert(network, schema)
    if precision == "fp16":
        model = to_float16(model)
    elif precision == "int8":
        model = to_int8(model, images)
    model = add_detections(model, schema) if nms else model
    _label(model, schema, network.count_params())
    return model


def _convert(network: Any, schema: Schema) -> Any:
    import keras
    import onnx

    image = keras.InputSpec(shape=(None, *schema.network.size, 3), dtype="uint8", name="image")
    noisy = logging.getLogger("tf2onnx")
    level = noisy.level
    noisy.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = os.path.join(folder, "model.onnx")
            network.export(path, format="onnx", verbose=False, input_signature=[image])
            model = onnx.load(Path(path))
    finally:
        noisy.setLevel(level)
    _name(model)
    return model


def _name(model: Any) -> None:
    """Give the input, the outputs and the batch axis of an ONNX model their names."""
    names = {model.graph.input[0].name: "image"}
    names |= {value.name: name for value, name in zip(model.graph.output, ("boxes", "classes"), strict=True)}  # by name
    rename(model.graph, names)
    for value in (model.graph.input[0], *model.graph.output):
        value.name = names[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "batch"


def _label(model: Any, schema: Schema, parameters: int) -> None:
    """Write the schema and the number of parameters into the metadata of an ONNX model."""
    import onnx

    onnx.helper.set_model_props(model, {MEMBER: schema.to_json(), PARAMETERS: str(parameters)})
    model.producer_name, model.producer_version = "multibox", schema.version
