"""What a detector sees in an image and how the image looks: small enough to keep for every image of a folder."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any, Final, Self

import cv2
import numpy as np

from multibox.data.look_alikes import look_at
from multibox.detect.detections import Detections
from multibox.predict.predict import Prediction

LEAST: Final = 0.1
"""Score that detections must exceed to be seen. A detector shows those with a higher score, such as 0.3."""

MOST: Final = 100
"""Largest number of detections that are kept for an image, the best first."""

COLOUR_SIDE: Final = 8
"""Side of the square of colours that describes an image."""


SAMPLED_SIDE: Final = 256
"""Number of rows or columns of a large image that are enough to describe how it looks."""


@dataclass(frozen=True, eq=False)
class Seen:
    """An image, as a detector sees it.

    Attributes:
        file: Path of the image file.
        state: Size in bytes and time of the last change of the file, by which a changed file is recognised.
        error: Reason why the image could not be read. Empty if it could. What follows has no meaning then.
        image_size: Height and width of the image, pixels.
        labels: ``(K,)`` int64 positions in the detector's classes.
        scores: ``(K,)`` float32 scores in (:data:`LEAST`, 1], the best first.
        boxes: ``(K, 4)`` float32 edges x0, y0, x1, y1 in pixels.
        look: Perceptual hash of 64 bits.
        thumbnail: ``(256,)`` uint8 grey levels of the thumbnail that is compared beside the hash.
        colours: ``(192,)`` uint8 CIELAB colours of 8 x 8 parts of the image.
    """

    file: str
    state: tuple[int, int]
    error: str = ""
    image_size: tuple[int, int] = (0, 0)
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    look: int = 0
    thumbnail: np.ndarray = field(default_factory=lambda: np.zeros(256, np.uint8))
    colours: np.ndarray = field(default_factory=lambda: np.zeros(3 * COLOUR_SIDE**2, np.uint8))

    @classmethod
    def of(cls, prediction: Prediction, state: tuple[int, int]) -> Self:
        """Describe the prediction of an image, which has kept its pixels.

        Args:
            prediction: Prediction with all detections above :data:`LEAST`, or with an error.
            state: Size and time of the file.
        """
        found = prediction.detections
        if found is None or found.image is None:
            return cls(prediction.source.name, state, prediction.error or "has no pixels")
        best = found.keep(np.arange(min(MOST, len(found))))
        look, thumbnail, colours = looks_of(found.image)
        return cls(
            prediction.source.name,
            state,
            "",
            found.image_size,
            best.labels,
            _rounded(best.scores, 5),
            _rounded(best.boxes, 2),
            look,
            thumbnail,
            colours,
        )

    def detections(self, classes: tuple[str, ...]) -> Detections:
        """All detections.

        Args:
            classes: Names of the detector's classes.
        """
        return Detections(self.boxes, self.scores, self.labels, classes, self.image_size)

    def to_line(self) -> str:
        """A line of JSON that :meth:`from_line` reads."""
        row: dict[str, Any] = {"file": self.file, "state": self.state}
        if self.error:
            return json.dumps(row | {"error": self.error}) + "\n"
        columns = zip(self.labels.tolist(), self.scores.tolist(), self.boxes.tolist(), strict=True)
        found = [[label, round(score, 5), *(round(edge, 2) for edge in box)] for label, score, box in columns]
        pixels = {"thumbnail": self.thumbnail, "colours": self.colours}
        packed = {name: base64.b64encode(array.tobytes()).decode() for name, array in pixels.items()}
        return json.dumps(row | {"size": self.image_size, "found": found, "look": f"{self.look:016x}"} | packed) + "\n"

    @classmethod
    def from_line(cls, line: str | bytes) -> Self:
        """Read a line of :meth:`to_line`.

        Raises:
            ValueError: The line is not whole.
        """
        try:
            row = json.loads(line)
            state = (int(row["state"][0]), int(row["state"][1]))
            if "error" in row:
                return cls(row["file"], state, row["error"])
            found = np.array(row["found"], np.float64).reshape(-1, 6)
            pixels = (np.frombuffer(base64.b64decode(row[name]), np.uint8) for name in ("thumbnail", "colours"))
            size = (int(row["size"][0]), int(row["size"][1]))
            columns = found[:, 0].astype(np.int64), found[:, 1].astype(np.float32), found[:, 2:].astype(np.float32)
            return cls(row["file"], state, "", size, *columns, int(row["look"], 16), *pixels)
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"no row of an image: {error}") from None


def _rounded(values: np.ndarray, digits: int) -> np.ndarray:
    """Values as they will be read back from a line, so that a kill changes nothing."""
    return values.astype(np.float64).round(digits).astype(np.float32)


def looks_of(image: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Describe how an image looks, for comparison with others.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.

    Returns:
        The perceptual hash, the grey thumbnail ``(256,)``, and the colours ``(192,)``, as :class:`Seen` has them.
    """
    step = max(1, min(image.shape[:2]) // SAMPLED_SIDE)
    sampled = np.ascontiguousarray(image[::step, ::step])
    small = cv2.resize(sampled, (4 * COLOUR_SIDE,) * 2, interpolation=cv2.INTER_AREA)
    look, thumbnail = look_at(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
    few = cv2.resize(small, (COLOUR_SIDE,) * 2, interpolation=cv2.INTER_AREA)
    return look, thumbnail, cv2.cvtColor(few, cv2.COLOR_RGB2LAB).ravel()
