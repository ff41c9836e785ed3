"""Export to ONNX, the format that the base install detects with, and that OpenVINO and MNN can read."""

import importlib.util
from typing import Any

from multibox.errors import BadInput, install
from multibox.export.onnx_detections import add_detections
from multibox.export.onnx_float16 import to_float16
from multibox.export.onnx_int8 import to_int8
from multibox.models.onnx_graph import label, to_onnx
from multibox.models.schema import Schema


def require_onnx(what: str) -> None:
    """Verify that the packages for writing ONNX are installed.

    Args:
        what: File or command that needs the packages, for the message.

    Raises:
        BadInput: If a package is missing.
    """
    if not all(importlib.util.find_spec(name) for name in ("keras", "onnx")):
        raise BadInput(what, f"export needs Keras and onnx; {install('train,export')}")


def make_onnx(
    network: Any,
    schema: Schema,
    *,
    nms: bool = False,
    precision: str = "fp32",
    images: Any = None,
    openvino: bool = False,
) -> Any:
    """Convert a network to ONNX.

    Args:
        network: Keras model, on any backend.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        nms: Whether the file runs decoding and NMS itself, always in float32, and gives detections.
        precision: Precision of the network: ``fp32``, ``fp16`` or ``int8``.
        images: ``(N, H, W, 3)`` uint8 RGB images that calibrate ``int8``. None for the other precisions.
        openvino: Whether OpenVINO will run ``int8``, and not ONNX Runtime.

    Returns:
        An ``onnx.ModelProto``. Its input is ``image``, ``(batch, H, W, 3)`` uint8 RGB. Its outputs are ``classes``,
        ``(batch, P, C + 1)`` float32 logits, and ``boxes``, ``(batch, P, 4)`` float32 deltas, or with ``nms`` the
        outputs of :data:`~multibox.runtimes.outputs.DETECTIONS`. The schema is in the metadata, under
        ``multibox.json``.
    """
    model = to_onnx(network)
    if precision == "fp16":
        model = to_float16(model)
    elif precision == "int8":
        model = to_int8(model, images, openvino=openvino)
    model = add_detections(model, schema) if nms else model
    label(model, schema, network.count_params())
    return model
