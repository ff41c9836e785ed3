"""Outputs that are a single file per run: JSON, JSON Lines, CSV and COCO results."""

import csv
import io
import json
from pathlib import Path
from typing import Final

from multibox.data.file_names import readable
from multibox.predict.outputs.coco_ids import CocoIds
from multibox.predict.outputs.output import TextOutput
from multibox.predict.predict import Prediction

CSV_COLUMNS: Final = ("file", "frame", "name", "score", "x0", "y0", "x1", "y1")


class JsonOutput(TextOutput):
    """A JSON list of all predictions, with ``file``, ``width``, ``height`` and ``detections``, or ``error``."""

    head = "[\n"
    between = ",\n"
    tail = "\n]\n"

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

    head = ",".join(CSV_COLUMNS) + "\n"

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
    """COCO results: a JSON list of detections.

    Args:
        path: Path of the file.
        ids: Ids of the images and classes.
        replace: Whether to replace a file that Multibox did not write, or that was changed since Multibox wrote it.
    """

    head = "[\n"
    between = ",\n"
    tail = "\n]\n"

    def __init__(self, path: Path, ids: CocoIds, *, replace: bool = False):
        super().__init__(path, replace=replace)
        self._ids = ids

    def encode(self, prediction: Prediction) -> str:
        """Format the detections of an image as members of the JSON list."""
        found = prediction.detections
        if not found:
            return ""
        image = self._ids.of(prediction)
        rows = [
            {
                "image_id": image,
                "category_id": self._ids.categories[label],
                "bbox": [round(float(value), 3) for value in (x0, y0, x1 - x0, y1 - y0)],
                "score": round(float(score), 6),
            }
            for label, score, (x0, y0, x1, y1) in zip(found.labels, found.scores, found.boxes, strict=True)
            if self._ids.categories[label] is not None
        ]
        return self.between.join(map(json.dumps, rows))


class CocoImagesOutput(TextOutput):
    """COCO's list of images and categories, which says what the ids in the results mean.

    Args:
        path: Path of the file.
        ids: Ids of the images and classes.
        replace: Whether to replace a file that Multibox did not write, or that was changed since Multibox wrote it.
    """

    head = '{"images": [\n'
    between = ",\n"

    def __init__(self, path: Path, ids: CocoIds, *, replace: bool = False):
        super().__init__(path, replace=replace)
        self._ids = ids
        self.tail = f'\n], "categories": {json.dumps(ids.named)}}}\n'

    def encode(self, prediction: Prediction) -> str:
        """Format the entry of an image, also of one without detections."""
        if prediction.detections is None:
            return ""
        height, width = prediction.detections.image_size
        entry = {"id": self._ids.of(prediction), "file_name": readable(prediction.source.name)}
        frame = {} if prediction.number is None else {"frame": prediction.number}
        return json.dumps(entry | {"width": width, "height": height} | frame)
