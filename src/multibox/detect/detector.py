"""The detector: pictures in, detections out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multibox import boxes as box_math
from multibox.config import Detect
from multibox.detect.ahead import in_batches, in_threads
from multibox.detect.decode import decode
from multibox.detect.detections import Detections
from multibox.detect.nms import select
from multibox.detect.runtimes import Runtime, open_runtime
from multibox.detect.sources import read_image
from multibox.errors import BadInput
from multibox.models.schema import Schema
from multibox.prepare.example import detection_input
from multibox.prepare.window import Window, from_window

BATCH = 8
"""Images that go through the network together when a list is given."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image, ready for the network.

    Attributes:
        input: ``(H, W, 3)`` uint8 RGB of the network's size.
        window: what of the image it shows.
        image_size: height and width of the image, pixels.
        image: the image, where it is to be kept with its detections.
    """

    input: np.ndarray
    window: Window
    image_size: tuple[int, int]
    image: np.ndarray | None = None


def load(path: str | os.PathLike[str], devices: int = 1) -> "Detector":
    """Load a detector from a model file.

    Args:
        path: a ``.keras`` file, or an ``.onnx`` file that ``multibox export`` wrote.
        devices: of this machine, that share each batch; for a ``.keras`` file.

    Returns:
        the detector.

    Raises:
        BadInput: no such file, not a model, fewer devices, or Keras is missing.

    Example:
        ``detections = multibox.load("model.keras")("street.jpg")``
    """
    return Detector(open_runtime(path) if devices == 1 else open_runtime(path, devices))


class Detector:
    """Finds the objects in pictures.

    Args:
        runtime: what runs the network, and knows its schema.

    Attributes:
        runtime: as given.
        priors_rel: ``(P, 4)`` the network's priors, relative to its input.
    """

    def __init__(self, runtime: Runtime):
        self.runtime = runtime
        self.priors_rel = self.schema.make_priors()

    @property
    def schema(self) -> Schema:
        """What the model file says about itself."""
        return self.runtime.schema

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.schema.classes

    @property
    def shown(self) -> np.ndarray:
        """``(C,)`` the scores that a detection must exceed to be shown to a person, by class."""
        return np.array([self.schema.thresholds.get(name, self.schema.detect.show) for name in self.classes])

    def __call__(self, images: Any, *, score: float | None = None, nms_iou: float | None = None) -> Any:
        """Detect.

        Args:
            images: a picture, or a list of pictures. A picture is an array ``(H, W, 3)`` uint8 RGB, a path, or an
                image of Pillow.
            score: detections must exceed it, whatever their class; without it, the model's thresholds for people.
            nms_iou: how much two detections of a class may overlap; without it, as the model says.

        Returns:
            :class:`~multibox.detect.detections.Detections` of the picture, or a list of them.

        Raises:
            BadInput: something is not a picture.
        """
        thresholds = self.shown if score is None else np.full(len(self.classes), _share("score", score))
        config = self._config(nms_iou)
        if not isinstance(images, (list, tuple)):
            return self.detect([self._read(images)], config, thresholds)[0]
        prepared = in_threads(self._read, images, ahead=2 * BATCH)
        return [found for batch in in_batches(prepared, BATCH) for found in self.detect(batch, config, thresholds)]

    def prepare(self, image: np.ndarray, *, keep: bool = False) -> Prepared:
        """Prepare an image for :meth:`detect`; may run in any thread.

        Args:
            image: ``(H, W, 3)`` uint8 RGB, upright.
            keep: whether its detections keep it, to draw on.

        Returns:
            the network's input, and the way back.
        """
        pixels, window = detection_input(image, self.schema.network.size, self.schema.resize)
        return Prepared(pixels, window, (image.shape[0], image.shape[1]), image if keep else None)

    def detect(
        self, batch: Sequence[Prepared], config: Detect | None = None, thresholds: np.ndarray | None = None
    ) -> list[Detections]:
        """Run the network on prepared images, all at once.

        Args:
            batch: the images.
            config: overlap and limits; without it, the model's.
            thresholds: ``(C,)`` scores to exceed, by class; without them ``config.score``, as for evaluation.

        Returns:
            the detections of each image.
        """
        if not batch:
            return []
        config = config or self.schema.detect
        thresholds = np.full(len(self.classes), config.score) if thresholds is None else thresholds
        logits, deltas = self.runtime(np.stack([image.input for image in batch]))  # (B, P, C + 1), (B, P, 4)
        return [
            self._finish(image, image_logits, image_deltas, config, thresholds)
            for image, image_logits, image_deltas in zip(batch, logits, deltas, strict=True)
        ]

    def _finish(
        self, image: Prepared, logits: np.ndarray, deltas: np.ndarray, config: Detect, thresholds: np.ndarray
    ) -> Detections:
        schema, above = self.schema, thresholds.min(initial=1)
        scores, boxes_rel = decode(
            logits, deltas, self.priors_rel, schema.priors.variances, above, activation=schema.activation
        )
        chosen = select(scores, boxes_rel, config, thresholds)
        height, width = image.image_size
        boxes = box_math.clip(from_window(chosen.boxes, image.window), width, height)
        seen = box_math.areas(boxes) > 0  # a box wholly beyond the image, as in a letterbox's bars, shows nothing
        return Detections(
            boxes[seen], chosen.scores[seen], chosen.labels[seen], self.classes, image.image_size, image.image
        )

    def _read(self, image: Any) -> Prepared:
        return self.prepare(_pixels(image), keep=True)

    def _config(self, nms_iou: float | None) -> Detect:
        config = self.schema.detect
        return config if nms_iou is None else config.model_copy(update={"nms_iou": _share("nms_iou", nms_iou)})


def _pixels(image: Any) -> np.ndarray:
    """``(H, W, 3)`` uint8 RGB of an array, a path, or a Pillow image."""
    if isinstance(image, (str, os.PathLike)):
        return read_image(image)
    if hasattr(image, "getexif"):  # Pillow, which is only imported where its images come from
        from PIL import ImageOps

        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        if image.size:
            return image
        raise BadInput(f"image: an array of shape {image.shape} has no pixels")
    what = f"{image.dtype} array of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
    raise BadInput(f"image: a {what}; give an RGB array (H, W, 3) of uint8, a path, or a Pillow image")


def _share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise BadInput(f"{name}: {value} is not between 0 and 1")
    return float(value)
