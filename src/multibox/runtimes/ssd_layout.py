"""The output layout of SSD models in LiteRT files for MediaPipe and the Edge TPU: boxes, classes, scores, count."""

from typing import Final

import numpy as np

from multibox.runtimes.outputs import Outputs

SSD_LAYOUT: Final = ("boxes", "classes", "scores", "count")
"""Outputs of ``TFLite_Detection_PostProcess`` for one input, in the order of the file: ``(1, K, 4)`` boxes ``ymin,
xmin, ymax, xmax`` as fractions of the input, clipped to it; ``(1, K)`` classes, 0-based; ``(1, K)`` scores, the best
first; and ``(1,)`` the count. All are float32, and rows from count on are not detections."""


def is_ssd_layout(names: set[str]) -> bool:
    """Whether outputs with these names are detections in the layout of :data:`SSD_LAYOUT`."""
    return names == set(SSD_LAYOUT)


def to_detections(outputs: Outputs, size: tuple[int, int]) -> Outputs:
    """Convert detections from the layout of :data:`SSD_LAYOUT`.

    Args:
        outputs: Arrays by name, as :data:`SSD_LAYOUT` describes them, for B inputs.
        size: Height and width of the input, pixels.

    Returns:
        Arrays by name, as :data:`~multibox.runtimes.outputs.DETECTIONS` describes them.
    """
    height, width = size
    count = outputs["count"].astype(np.int32)
    found = np.arange(outputs["scores"].shape[1]) < count[:, None]  # (B, K)
    boxes = outputs["boxes"][..., (1, 0, 3, 2)] * np.array((width, height, width, height), np.float32)
    return {
        "boxes": np.where(found[..., None], boxes, 0),
        "scores": np.where(found, outputs["scores"], 0),
        "labels": np.where(found, outputs["classes"], -1).astype(np.int32),
        "count": count,
    }
