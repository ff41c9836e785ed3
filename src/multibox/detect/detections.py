"""The detections of one image."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from multibox.boxes import clip
from multibox.draw import draw_boxes
from multibox.errors import BadInput


@dataclass(frozen=True, eq=False)
class Detections:
    """K detections in one image, the best first.

    Attributes:
        boxes: ``(K, 4)`` float32 edges ``x0, y0, x1, y1`` in pixels of the upright image, 0-based,
            clipped to it.
        scores: ``(K,)`` float32 scores in [0, 1].
        labels: ``(K,)`` int64 labels, 0-based over ``classes``.
        classes: Names of all classes of the detector.
        image_size: Height and width of the image, pixels.
        image: ``(H, W, 3)`` uint8 RGB, the image. None if it was not kept.

    Example:
        ``for name, score in zip(found.names, found.scores): print(name, score)``
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    image_size: tuple[int, int]
    image: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        listed = ", ".join(f"{name} {score:.2f}" for name, score in zip(self.names[:5], self.scores, strict=False))
        more = f", and {len(self) - 5} more" if len(self) > 5 else ""
        return f"Detections({len(self)}: {listed}{more})" if len(self) else "Detections(0)"

    @cached_property
    def names(self) -> list[str]:
        """Name of the class of each of the K detections."""
        return [self.classes[label] for label in self.labels]

    def above(self, score: float) -> "Detections":
        """Select detections by their score.

        Args:
            score: Score that the selected detections exceed, in [0, 1].

        Returns:
            The detections with a higher score.
        """
        return self.keep(self.scores > score)

    def keep(self, rows: np.ndarray) -> "Detections":
        """Select detections by a mask ``(K,)`` bool, or by their positions in the order given."""
        return Detections(
            self.boxes[rows], self.scores[rows], self.labels[rows], self.classes, self.image_size, self.image
        )

    def draw(self, image: np.ndarray | None = None) -> np.ndarray:
        """Draw the detections, each with its name and score.

        Args:
            image: ``(H, W, 3)`` uint8 RGB, the image to draw on. None takes the image that the detections kept.

        Returns:
            ``(H, W, 3)`` uint8 RGB, a new image of the same size.

        Raises:
            BadInput: No image was given, and none was kept.
        """
        image = self.image if image is None else image
        if image is None:
            raise BadInput("image", "these detections did not keep their image; pass it, as in draw(image)")
        captions = [f"{name} {score:.2f}" for name, score in zip(self.names, self.scores, strict=True)]
        worst_first = slice(None, None, -1)  # draws the best on top
        return draw_boxes(image, self.boxes[worst_first], captions[worst_first], self.labels[worst_first])

    def to_json(self) -> dict[str, Any]:
        """Values for ``json.dumps``: the image's width and height, and name, score and box of each detection."""
        height, width = self.image_size
        rows = zip(self.names, self.scores, self.boxes, strict=True)
        return {
            "width": width,
            "height": height,
            "detections": [
                {"name": name, "score": round(float(score), 5), "box": [round(float(edge), 2) for edge in box]}
                for name, score, box in rows
            ],
        }

    def to_supervision(self) -> Any:
        """Convert to ``supervision.Detections``, with the class names in its ``data`` under ``class_name``.

        Returns:
            Detections as an object of the package supervision.

        Raises:
            BadInput: The package is not installed.
        """
        try:
            import supervision
        except ImportError:
            raise BadInput("supervision", "the package is not installed; run: pip install supervision") from None
        return supervision.Detections(
            xyxy=self.boxes,
            confidence=self.scores,
            class_id=self.labels,
            data={"class_name": np.array(self.names, dtype=str)},
        )

    @classmethod
    def from_supervision(cls, found: Any, classes: Sequence[str], image_size: tuple[int, int]) -> "Detections":
        """Convert from ``supervision.Detections``, or an object with the same attributes.

        The class of a detection is the name in ``found.data["class_name"]``. Without names, ``found.class_id`` is its
        position in ``classes``.

        Args:
            found: Detections of the package supervision. Without ``confidence``, all scores are 1.
            classes: Names of all classes, in the order of their labels.
            image_size: Height and width of the image, pixels.

        Returns:
            The same detections, the best first, clipped to the image.

        Raises:
            BadInput: A detection has a class that is not in ``classes``, or no class, or numbers that are no box or
                score.
        """
        boxes = np.asarray(found.xyxy, np.float32)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise BadInput("found", f"its boxes have the shape {boxes.shape}; give each x0, y0, x1, y1")
        if (boxes[:, 2:] < boxes[:, :2]).any():
            raise BadInput("found", "has a box whose right or lower edge comes first; give x0, y0, x1, y1")
        scores = np.ones(len(boxes), np.float32)
        if found.confidence is not None:
            scores = np.asarray(found.confidence, np.float32)
        if not np.isfinite(boxes).all() or scores.shape != (len(boxes),) or not ((scores >= 0) & (scores <= 1)).all():
            raise BadInput("found", "has a box that is not finite, or a score outside [0, 1]; remove such detections")
        height, width = image_size
        best_first = np.argsort(-scores, kind="stable")
        names = tuple(map(str, classes))
        labels = _labels(found, names, len(boxes))
        unsorted = cls(clip(boxes, width, height), scores, labels, names, image_size)
        return unsorted.keep(best_first)


def _labels(found: Any, classes: Sequence[str], count: int) -> np.ndarray:
    """Labels of the K detections of supervision."""
    names = (found.data or {}).get("class_name")
    if names is not None:
        strange = sorted({str(name) for name in names} - set(classes))
        if strange:
            raise BadInput("classes", f"has no {strange[0]!r}, which is the class of a detection; add it")
        labels = np.array([classes.index(name) for name in names], np.int64)
    elif found.class_id is not None:
        labels = np.asarray(found.class_id, np.int64)
    elif not count:
        labels = np.zeros(0, np.int64)
    else:
        raise BadInput("found", "its detections have no class; set class_id, or class_name in data")
    if labels.shape != (count,):
        raise BadInput("found", f"has {count} boxes and {labels.size} classes; give each box one")
    if count and not 0 <= labels.min() <= labels.max() < len(classes):
        raise BadInput("classes", f"has {len(classes)} names, but class_id is up to {labels.max()}; give all names")
    return labels
