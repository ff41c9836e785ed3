"""Files that hold more than the network: decoding and non-maximum suppression are inside."""

from typing import Any, Protocol

import numpy as np

from multibox.errors import BadInput
from multibox.models.schema import Schema
from multibox.postprocess.nms import Selected

OUTPUTS = ("boxes", "scores", "labels", "count")
"""What such a file gives of B images: ``(B, K, 4)`` float32 pixels of the input, cut off at its edges; ``(B, K)``
float32; ``(B, K)`` int32, 0-based; ``(B,)`` int32, how many of the K rows are detections, the best first. The rows
behind them hold zeros, and labels of -1."""

Outputs = dict[str, np.ndarray]


class NamedRuntime(Protocol):
    """A runtime that gives all that a file gives, by name.

    Attributes:
        schema: what the file says about itself.
        names: of its outputs.
    """

    schema: Schema
    names: tuple[str, ...]

    def run(self, images: np.ndarray) -> Outputs:
        """Run the file.

        Args:
            images: ``(B, H, W, 3)`` uint8 RGB of the network's input size.

        Returns:
            its outputs by name.
        """


def selects(runtime: Any) -> bool:
    """Whether decoding and non-maximum suppression are inside the file of a runtime."""
    return set(getattr(runtime, "names", ())) == set(OUTPUTS)


def selected_by(runtime: NamedRuntime, images: np.ndarray) -> list[Selected]:
    """Run a file that selects.

    Args:
        runtime: of the file. It detects above ``detect.score`` of its schema, and with its ``detect.nms_iou``.
        images: ``(B, H, W, 3)`` uint8 RGB of the network's input size.

    Returns:
        the detections of each image, with boxes relative to the input.
    """
    outputs = runtime.run(images)
    height, width = runtime.schema.network.size
    boxes_rel = outputs["boxes"] / np.array((width, height, width, height), np.float32)
    labels = outputs["labels"].astype(np.int64)
    return [
        Selected(boxes_rel[i, :count], outputs["scores"][i, :count], labels[i, :count])
        for i, count in enumerate(outputs["count"])
    ]


def plain(outputs: Outputs) -> tuple[np.ndarray, np.ndarray]:
    """The network's plain numbers among the outputs of a file.

    Args:
        outputs: by name.

    Returns:
        ``(B, P, C + 1)`` logits, and ``(B, P, 4)`` deltas.

    Raises:
        BadInput: decoding and non-maximum suppression are inside the file.
    """
    if "classes" not in outputs:
        raise BadInput("model", "its file decodes and runs NMS itself; export it without NMS for this")
    return outputs["classes"], outputs["boxes"]
