"""The COCO metric and COCO's file of results, through faster-coco-eval."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multibox.evaluation.columns import Found, Truth

Row = dict[str, Any]


def map_50_95(truth: Truth, found: Found) -> float:
    """COCO's main figure: average precision, the mean over ten overlaps from 0.50 to 0.95 and over the classes.

    Objects marked difficult are treated as COCO treats crowds, the only way it has to leave an object out.

    Args:
        truth: the objects.
        found: the detections; COCO judges the best 100 of an image and a class.

    Returns:
        the mean in [0, 1]; NaN without an object to find.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    if not truth.counted.any():
        return float("nan")
    if not len(found):
        return 0.0
    asked = COCO(ground_truth(truth))
    given = asked.loadRes(_results(found, range(1, len(truth.image_ids) + 1), range(1, len(truth.classes) + 1)))
    judge = COCOeval_faster(asked, given, iouType="bbox")
    judge.evaluate()
    judge.accumulate()
    precision = judge.eval["precision"][:, :, :, 0, -1]  # (overlap, recall, class) for all areas, 100 detections
    return float(precision[precision > -1].mean())  # -1: a class without objects


def ground_truth(truth: Truth) -> Row:
    """The objects as a COCO dataset, with images, annotations and categories numbered from 1."""
    ignored = (truth.crowd | truth.difficult).astype(int).tolist()
    columns = zip(truth.images.tolist(), truth.labels.tolist(), _corner_and_size(truth.boxes), strict=True)
    return {
        "info": {},
        "images": [
            {"id": i, "width": int(width), "height": int(height)}
            for i, (width, height) in enumerate(truth.image_sizes, start=1)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(truth.classes, start=1)],
        "annotations": [
            {"id": i + 1, "image_id": image + 1, "category_id": label + 1, "bbox": box, "area": area, "iscrowd": crowd}
            for i, ((image, label, box), area, crowd) in enumerate(
                zip(columns, truth.area.tolist(), ignored, strict=True)
            )
        ],
    }


def save_results(
    path: str | os.PathLike[str], found: Found, image_ids: Sequence[int | str], category_ids: Sequence[int]
) -> None:
    """Write detections in COCO's results format.

    Args:
        path: of the JSON file, which is there whole or not at all.
        found: the detections.
        image_ids: what each image is called in the file.
        category_ids: what each class is called in the file.
    """
    rows = _results(found, image_ids, category_ids)
    for row in rows:
        row["bbox"] = [round(value, 3) for value in row["bbox"]]
        row["score"] = round(row["score"], 6)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(rows), "utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _results(found: Found, image_ids: Sequence[int | str], category_ids: Sequence[int]) -> list[Row]:
    columns = zip(
        found.images.tolist(), found.labels.tolist(), _corner_and_size(found.boxes), found.scores.tolist(), strict=True
    )
    return [
        {"image_id": image_ids[image], "category_id": category_ids[label], "bbox": box, "score": score}
        for image, label, box, score in columns
    ]


def _corner_and_size(boxes: np.ndarray) -> list[list[float]]:
    """Boxes as COCO writes them, ``x, y, width, height``."""
    boxes = np.asarray(boxes, np.float64)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).tolist()
