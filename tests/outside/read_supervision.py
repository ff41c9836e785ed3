"""Read a folder with supervision: ``python read_supervision.py FORMAT FOLDER SPLIT...`` prints JSON."""

import json
import sys
from pathlib import Path

import supervision as sv


def objects(dataset: sv.DetectionDataset) -> dict[str, list[dict]]:
    found = {}
    for path, detections in dataset.annotations.items():
        crowd = detections.data.get("iscrowd", [None] * len(detections))
        found[Path(path).stem] = [
            {
                "class": dataset.classes[number],
                "box": box.tolist(),
                **({} if flag is None else {"crowd": bool(flag)}),
            }
            for number, box, flag in zip(detections.class_id, detections.xyxy, crowd, strict=True)
        ]
    return found


def read(kind: str, folder: Path, split: str) -> sv.DetectionDataset:
    images = str(folder / "images" / split)
    if kind == "coco":
        return sv.DetectionDataset.from_coco(images, str(folder / f"annotations/instances_{split}.json"))
    if kind == "yolo":
        return sv.DetectionDataset.from_yolo(images, str(folder / "labels" / split), str(folder / "data.yaml"))
    return sv.DetectionDataset.from_pascal_voc(str(folder / "JPEGImages"), str(folder / "Annotations"))


kind, folder, *splits = sys.argv[1:]
read_splits = {split: read(kind, Path(folder), split) for split in ([""] if kind == "voc" else splits)}
classes = None if kind == "voc" else next(iter(read_splits.values())).classes
print(
    json.dumps(
        {
            "version": sv.__version__,
            "classes": classes,
            "splits": {split: objects(dataset) for split, dataset in read_splits.items()},
        }
    )
)
