"""Outputs that are a single file per run: JSON, JSON Lines, CSV and COCO results."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from multibox.predict.outputs.names import Stems
from multibox.predict.outputs.output import TextOutput, image_id
from multibox.predict.predict import Prediction

CSV_COLUMNS: Final = ("file", "frame", "name", "score", "x0", "y0", "x1", "y1")


class JsonOutput(TextOutput):
    """A JSON list of all predictions, with ``file``, ``width``, ``height`` and ``detections``, or ``error``."""

    head: ClassVar[str] = "[\n"
    between: ClassVar[str] = ",\n"
    tail: ClassVar[str] = "\n]\n"

    def encode(self, prediction: Prediction) -> str:
        """Format a prediction as a member of the JSON list."""
        return json.dumps(prediction.to_json())


class JsonLinesOutput(TextOutput):
    """JSON Lines: one prediction per line."""

    def encode(self, prediction: Prediction) -> str:
        """Format a prediction as a line of JSON."""
        return json.dumps(prediction.to_json()) + "\n"


class CsvOutput(TextOutput):
    """CSV: one detection per line, below a line of headings."""

    head: ClassVar[str] = ",".join(CSV_COLUMNS) + "\n"

    def encode(self, prediction: Prediction) -> str:
        """Format the lines of an image, one for each detection."""
        found, lines = prediction.detections, io.StringIO()
        if found:
            frame = "" if prediction.number is None else prediction.number
            rows = csv.writer(lines, lineterminator="\n")
            for name, score, box in zip(found.names, found.scores, found.boxes, strict=True):
                edges = (f"{edge:.2f}" for edge in box)
                rows.writerow((prediction.source.name, frame, name, f"{score:.5f}", *edges))
        return lines.getvalue()


class CocoOutput(TextOutput):
    """COCO results. The id of an image is its file's name as a number if it is one, else the stem of the name.

    Args:
        path: Path of the file.
        classes: Names of the detector's classes. COCO's classes get COCO's ids, others are numbered from 1.
        stems: Name of the output files of each source, without suffix.
        replace: Whether to replace a file that Multibox did not write, or that was changed since Multibox wrote it.
    """

    head: ClassVar[str] = "[\n"
    between: ClassVar[str] = ",\n"
    tail: ClassVar[str] = "\n]\n"

    def __init__(self, path: Path, classes: Sequence[str], stems: Stems, *, replace: bool = False):
        from multibox.importers.class_lists import COCO, COCO_COLUMNS

        super().__init__(path, replace=replace)
        self._stems = stems
        known = dict(zip(COCO, COCO_COLUMNS[1:], strict=True))
        are_coco = set(classes) <= set(COCO)
        self._ids = [known[name] if are_coco else number for number, name in enumerate(classes, start=1)]

    def encode(self, prediction: Prediction) -> str:
        """Format the detections of an image as members of the JSON list."""
        found = prediction.detections
        if not found:
            return ""
        name = image_id(prediction, self._stems[prediction.source])
        rows = [
            {
                "image_id": int(name) if name.isdecimal() and name.isascii() else name,
                "category_id": self._ids[label],
                "bbox": [round(float(value), 3) for value in (x0, y0, x1 - x0, y1 - y0)],
                "score": round(float(score), 6),
            }
            for label, score, (x0, y0, x1, y1) in zip(found.labels, found.scores, found.boxes, strict=True)
        ]
        return self.between.join(map(json.dumps, rows))
