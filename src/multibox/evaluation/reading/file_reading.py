"""The result of reading a file of detections: detections, meaning of ids and boxes, and dropped rows."""

import logging
from dataclasses import dataclass
from typing import Any

from multibox.evaluation.columns import Found

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dropped:
    """Rows of a file of detections that were dropped for one reason.

    Attributes:
        reason: Why the rows were dropped.
        count: Number of dropped rows.
        example: Description of the first dropped row, such as ``category_id 7 in row 3``.
    """

    reason: str
    count: int
    example: str


@dataclass(frozen=True, eq=False)
class FileReading:
    """Detections that were read from a file.

    Attributes:
        path: Path of the file of detections.
        found: The detections, image by image.
        rows: Number of rows in the file.
        image_ids: Name of the meaning of ``image_id`` that was used, such as ``data``.
        category_ids: Name of the meaning of ``category_id`` that was used, such as ``coco-91``.
        boxes: Form of ``bbox`` that was used, such as ``xywh``.
        dropped: Rows that were dropped, by reason.
        guesses: Sentences about guessed meanings of the image ids and category ids.
        doubts: Sentences about what looks wrong in the file.
    """

    path: str
    found: Found
    rows: int
    image_ids: str
    category_ids: str
    boxes: str
    dropped: tuple[Dropped, ...]
    guesses: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """Sentences that a user must know to judge the metrics: guesses, doubts and dropped rows."""
        return [f"{self.path}: {line}" for line in (*self.guesses, *self.doubts, *self._losses)]

    @property
    def _losses(self) -> list[str]:
        return [
            f"{part.count} of {self.rows} rows dropped, {part.reason}; for example {part.example}"
            for part in self.dropped
        ]

    def log(self) -> None:
        """Log the sentences of ``lines``. Doubts and dropped rows are logged as warnings."""
        for line in self.guesses:
            log.info("%s: %s", self.path, line)
        for line in (*self.doubts, *self._losses):
            log.warning("%s: %s", self.path, line)

    def to_json(self) -> dict[str, Any]:
        """All fields except the detections, as values for ``json.dumps``."""
        return {
            "file": self.path,
            "rows": self.rows,
            "image_ids": self.image_ids,
            "category_ids": self.category_ids,
            "boxes": self.boxes,
            "dropped": [{"reason": part.reason, "count": part.count, "example": part.example} for part in self.dropped],
            "guesses": list(self.guesses),
            "doubts": list(self.doubts),
        }
