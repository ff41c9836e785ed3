"""COCO's results format: a JSON list of detections, which many tools write and read."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.evaluation.columns import Found
from multibox.writing import Kind, new_file

FIELDS = ("image_id", "category_id", "bbox", "score")
DECIMALS = 6
"""Number of decimals of a written score."""

DETECTIONS = Kind("file of detections")


def save_results(
    path: str | os.PathLike[str],
    found: Found,
    image_ids: Sequence[int | str],
    category_ids: Sequence[int],
    *,
    replace: bool = False,
) -> None:
    """Write detections in COCO's results format.

    Args:
        path: Path of the JSON file.
        found: Detections in all images of the test set.
        image_ids: Id in the file of each image of the test set.
        category_ids: Number in the file of each evaluated class.
        replace: Whether to replace an existing file that Multibox did not write, or that was changed afterwards.

    Raises:
        BadInput: The file exists and may not be replaced.
    """
    boxes = np.asarray(found.boxes, np.float64)
    corner_and_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).round(3).tolist()
    scores = np.asarray(found.scores, np.float64).round(DECIMALS).tolist()
    columns = zip(found.images.tolist(), found.labels.tolist(), corner_and_size, scores, strict=True)
    rows = [
        {"image_id": image_ids[image], "category_id": category_ids[label], "bbox": box, "score": score}
        for image, label, box, score in columns
    ]
    with new_file(path, DETECTIONS, replace=replace) as new:
        new.write_text(json.dumps(rows), "utf-8")


def read_results(
    path: str | os.PathLike[str], image_ids: Sequence[int | str], category_ids: Sequence[int | None]
) -> Found:
    """Read detections in COCO's results format, written by any tool.

    Args:
        path: Path of the JSON file.
        image_ids: Id in the file of each image of the test set.
        category_ids: Number in the file of each evaluated class.

    Returns:
        Detections of the evaluated classes, image by image.

    Raises:
        BadInput: The file cannot be read or has another format, an image is unknown, no class is known, or a score is
            outside [0, 1].
    """
    rows = _read_rows(path)
    images = _places(path, "image_id", [row["image_id"] for row in rows], image_ids)
    known = {str(number): place for place, number in enumerate(category_ids)}
    labels = np.array([known.get(str(row["category_id"]), -1) for row in rows], np.int64)
    if rows and labels.max() < 0:
        given = rows[0]["category_id"]
        raise BadInput(path, f"category_id {given}: no such class in the data; its numbers are {', '.join(known)}")
    try:
        boxes = np.array([row["bbox"] for row in rows], np.float64).reshape(len(rows), 4)
        scores = np.array([row["score"] for row in rows], np.float64)
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise ValueError
    except (TypeError, ValueError):
        raise BadInput(path, "each bbox must be four numbers (x, y, width, height), and each score one") from None
    outside = np.flatnonzero((scores.round(DECIMALS) < 0) | (scores.round(DECIMALS) > 1))
    if outside.size:
        raise BadInput(path, f"detection {outside[0]} has score {scores[outside[0]]:g}; scale scores to 0..1")
    boxes[:, 2:] += boxes[:, :2]
    order = np.argsort(images, kind="stable")
    order = order[labels[order] >= 0]
    return Found(images, labels, np.clip(scores, 0, 1).astype(np.float32), boxes).keep(order)


def _read_rows(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    try:
        rows = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise BadInput(path, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise BadInput(path, "is not JSON; give detections in COCO's results format") from None
    if not isinstance(rows, list):
        raise BadInput(path, "is not a list; give detections in COCO's results format")
    for i, row in enumerate(rows):
        missing = [field for field in FIELDS if not isinstance(row, dict) or field not in row]
        if missing:
            raise BadInput(path, f"detection {i} has no {', '.join(missing)}; give detections in COCO's results format")
    return rows


def _places(path: str | os.PathLike[str], field: str, names: Sequence[int | str], known: Sequence[int | str]) -> Any:
    """Position of each image id in the test set. A number matches the same digits as text."""
    places = {str(name): place for place, name in enumerate(known)}
    try:
        return np.array([places[str(name)] for name in names], np.int64)
    except KeyError as error:
        example = f"ids look like {known[0]!r}" if known else "there is no image"
        raise BadInput(path, f"{field} {error.args[0]}: no such image in the data; {example}") from None
