"""supervision: each writer of ``DetectionDataset``."""

import numpy as np
import supervision as sv
from common import CLASSES, IMAGES, fresh, images


def dataset() -> sv.DetectionDataset:
    """A new dataset each time, because old writers changed its boxes."""
    paths = [str(IMAGES / image["name"]) for image in images()]
    found = [
        sv.Detections(
            xyxy=np.array([thing["box"] for thing in image["objects"]], float).reshape(-1, 4),
            class_id=np.array([CLASSES.index(thing["name"]) for thing in image["objects"]], int),
        )
        for image in images()
    ]
    return sv.DetectionDataset(list(CLASSES), paths, dict(zip(paths, found, strict=True)))


voc, yolo, coco = (fresh("supervision", layout) for layout in ("voc", "yolo", "coco"))
dataset().as_pascal_voc(str(voc / "images"), str(voc / "annotations"))
dataset().as_yolo(str(yolo / "images"), str(yolo / "labels"), str(yolo / "data.yaml"))
dataset().as_coco(str(coco / "images"), str(coco / "annotations.json"))
