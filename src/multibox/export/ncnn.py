"""Export to ncnn: a folder with the two files that ncnn loads, the schema, and checksums."""

from pathlib import Path
from typing import Any

from multibox.models.schema import Schema
from multibox.runtimes.ncnn_files import write_files
from multibox.runtimes.ncnn_graph import to_ncnn


def write_ncnn(model: Any, schema: Schema, folder: Path, *, half: bool = False) -> None:
    """Write an ONNX model in the format of ncnn.

    Args:
        model: ONNX model, as :func:`~multibox.export.onnx_file.make_onnx` returns it without NMS, in float32.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        folder: Existing folder to write into.
        half: Whether the weights are stored in float16.
    """
    write_files(to_ncnn(model, schema.make_priors(), half=half), schema, folder)
