"""An image with boxes that a person is to correct."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from multibox.detect.detections import Detections


@dataclass(frozen=True, eq=False)
class PreLabelled:
    """An image with N boxes that a person is to correct.

    Attributes:
        image: Path of the image file. It is copied, and never changed.
        image_size: Height and width of the upright image, pixels.
        boxes: ``(N, 4)`` edges x0, y0, x1, y1 in pixels of the upright image.
        labels: ``(N,)`` positions in the list of classes.
        scores: ``(N,)`` scores in [0, 1]. None if the boxes have none.
    """

    image: Path
    image_size: tuple[int, int]
    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray | None = None

    @classmethod
    def of(cls, image: str | os.PathLike[str], found: Detections) -> Self:
        """Take the boxes from the detections in an image.

        Args:
            image: Path of the image file.
            found: Detections in the image. Their classes are the list of classes.
        """
        return cls(Path(image), found.image_size, found.boxes, found.labels, found.scores)
