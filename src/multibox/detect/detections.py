"""What was detected in one image."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from multibox.draw import draw_boxes
from multibox.errors import BadInput


@dataclass(frozen=True, eq=False)
class Detections:
    """The detections of one image, K of them, the best first.

    Attributes:
        boxes: ``(K, 4)`` float32, pixels of the upright image, ``x0, y0, x1, y1`` (edges, 0-based), clipped to it.
        scores: ``(K,)`` float32 in [0, 1].
        labels: ``(K,)`` int64, 0-based over ``classes``.
        classes: names of the detector's classes.
        image_size: height and width of the image, pixels.
        image: ``(H, W, 3)`` uint8 RGB, the image they were found in, where it was kept.

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
        """The ``K`` class names."""
        return [self.classes[label] for label in self.labels]

    def above(self, score: float) -> "Detections":
        """Those whose score is above ``score``."""
        rows = self.scores > score
        return Detections(
            self.boxes[rows], self.scores[rows], self.labels[rows], self.classes, self.image_size, self.image
        )

    def draw(self, image: np.ndarray | None = None) -> np.ndarray:
        """Draw them, each with its name and score.

        Args:
            image: ``(H, W, 3)`` uint8 RGB to draw on; without it, the image they were found in.

        Returns:
            a new image of the same size.

        Raises:
            BadInput: no image was given, and none was kept.
        """
        image = self.image if image is None else image
        if image is None:
            raise BadInput("draw", "these detections do not keep their image; give it, as draw(image)")
        captions = [f"{name} {score:.2f}" for name, score in zip(self.names, self.scores, strict=True)]
        worst_first = slice(None, None, -1)  # so that the best are drawn on top
        return draw_boxes(image, self.boxes[worst_first], captions[worst_first], self.labels[worst_first])

    def to_json(self) -> dict[str, Any]:
        """As values that ``json.dumps`` takes: the image's width and height, and each detection."""
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
        """As ``supervision.Detections``, with the names as its data ``class_name``.

        Raises:
            BadInput: the package is not installed.
        """
        try:
            import supervision
        except ImportError:
            raise BadInput("to_supervision", "needs the package supervision; run: pip install supervision") from None
        return supervision.Detections(
            xyxy=self.boxes,
            confidence=self.scores,
            class_id=self.labels,
            data={"class_name": np.array(self.names, dtype=str)},
        )
