"""Export to TensorFlow's SavedModel, a folder that TensorFlow Serving, TensorFlow.js and others read."""

import tempfile
from pathlib import Path
from typing import Any

from multibox.export.tensorflow_graph import choose_at_once, freeze
from multibox.models.schema import MEMBER, Schema


def write_saved_model(network: Any, schema: Schema, folder: Path, *, nms: bool = False) -> None:
    """Write a network as a SavedModel with the signature ``serving_default``. The schema is among its assets.

    Args:
        network: Keras model, on the backend TensorFlow.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        folder: Folder to write.
        nms: Whether the model runs decoding and NMS itself, and gives detections.
    """
    save(freeze(network, schema, None, choose_at_once if nms else None), schema, folder)


def save(function: Any, schema: Schema, folder: Path) -> None:
    """Write a function that :func:`~multibox.export.tensorflow_graph.freeze` returned as a SavedModel."""
    import tensorflow

    module = tensorflow.Module()
    with tempfile.TemporaryDirectory() as beside:
        member = Path(beside) / MEMBER
        member.write_text(schema.to_json(indent=2))
        module.schema = tensorflow.saved_model.Asset(str(member))
        module.function = function
        tensorflow.saved_model.save(module, str(folder), signatures=function)
