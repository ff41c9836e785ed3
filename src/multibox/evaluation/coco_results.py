"""Write detections in COCO's results format: a JSON list, which many tools read."""

import json
import os
from collections.abc import Sequence

import numpy as np

from multibox.evaluation.columns import Found
from multibox.writing import Kind, new_file

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
        image_ids: Id to write for each image of the test set, in order.
        category_ids: Number to write for each evaluated class, in order.
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
