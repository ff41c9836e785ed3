"""The interface of all runtimes."""

from pathlib import Path
from typing import Protocol

import numpy as np

from multibox.models.schema import Schema
from multibox.runtimes.outputs import Outputs


class Runtime(Protocol):
    """Runs a model file or a network. Each implementation inherits from this class.

    Attributes:
        name: Name of the runtime, a key of :data:`~multibox.runtimes.kinds.RUNTIMES`.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        has_nms: Whether the model file runs decoding and non-maximum suppression itself.
        devices: Number of devices that share each batch.
        lanes: Number of threads that may call :meth:`run` at the same time, each with images of its own.
        file: Path of the file that runs in place of the one that was given. None if that one runs.
    """

    name: str
    schema: Schema
    has_nms: bool = False
    devices: int = 1
    lanes: int = 1
    file: Path | None = None

    def run(self, images: np.ndarray) -> Outputs:
        """Run the model on a batch.

        Args:
            images: ``(B, H, W, 3)`` uint8 RGB, of the network's input size.

        Returns:
            Arrays by name: :data:`~multibox.runtimes.outputs.DETECTIONS` if ``has_nms``, else
            :data:`~multibox.runtimes.outputs.NETWORK`.
        """
