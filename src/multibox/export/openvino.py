"""Export to OpenVINO's own format: an ``.xml`` file, and the weights in a ``.bin`` file beside it."""

import tempfile
from pathlib import Path
from typing import Any

from multibox.models.schema import MEMBER, Schema
from multibox.runtimes.openvino import import_openvino, keep_at_limit


def write_openvino(model: Any, schema: Schema, path: Path, *, precision: str = "fp32") -> None:
    """Write an ONNX model in OpenVINO's format, with the schema in its ``rt_info`` under ``multibox.json``.

    OpenVINO's NMS removes a box whose IoU equals the limit, while ONNX's keeps it. So the file gets the next larger
    limit.

    Args:
        model: ONNX model, as :func:`~multibox.export.onnx_file.make_onnx` returns it. For ``int8`` the model is already
            quantised, and OpenVINO adopts its scales.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        path: Path of the ``.xml`` file.
        precision: Precision of the model. ``fp16`` stores the weights in float16.
    """
    import onnx

    openvino = import_openvino()
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, Path(folder) / "model.onnx")
        converted = openvino.convert_model(Path(folder) / "model.onnx")
        keep_at_limit(converted, schema.detect.nms_iou)
        converted.set_rt_info(schema.to_json(), MEMBER)
        openvino.save_model(converted, path, compress_to_fp16=precision == "fp16")
