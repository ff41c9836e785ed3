"""The arrays that a model file computes: outputs of a network, or detections."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from multibox.errors import BadInput

Outputs = dict[str, np.ndarray]
"""Output arrays by name. The first axis is the batch. Outputs of a single input do not have that axis."""

NETWORK: Final = ("classes", "boxes")
"""Outputs of a network, for B inputs: ``(B, P, C + 1)`` float32 logits with background in column 0, and ``(B, P, 4)``
float32 deltas from the priors."""

DETECTIONS: Final = ("boxes", "scores", "labels", "count")
"""Outputs of a file with decoding and non-maximum suppression inside, for B inputs: ``(B, K, 4)`` float32 boxes in
pixels of the input, clipped to it; ``(B, K)`` float32 scores; ``(B, K)`` int32 labels, 0-based; ``(B,)`` int32 counts.
The first ``count`` of the K rows are detections, the best first. The other rows hold zeros, and labels of -1."""


def has_nms(names: Iterable[str]) -> bool:
    """Whether outputs with these names are detections, so that the file runs decoding and NMS itself."""
    return set(names) == set(DETECTIONS)


def split_batch(outputs: Outputs) -> list[Outputs]:
    """Split the outputs of a batch into the outputs of each input.

    Raises:
        BadInput: There are no outputs, or their batch sizes differ.
    """
    if len({len(values) for values in outputs.values()}) != 1:
        raise BadInput(
            "model", "its network has no outputs, or outputs of different batch sizes; export the model again"
        )
    count = len(next(iter(outputs.values())))
    return [{name: values[i] for name, values in outputs.items()} for i in range(count)]
