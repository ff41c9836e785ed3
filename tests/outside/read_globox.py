"""Read a folder with globox: ``python read_globox.py FORMAT FOLDER SPLIT...`` prints JSON."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from globox import AnnotationSet


def read(kind: str, folder: Path, split: str) -> AnnotationSet:
    if kind == "coco":
        return AnnotationSet.from_coco(folder / f"annotations/instances_{split}.json")
    if kind == "yolo":
        images = folder / "images" / split
        (suffix,) = {path.suffix for path in images.iterdir()}  # It takes one a call.
        found = AnnotationSet.from_yolo_v5(folder / "labels" / split, image_folder=images, image_extension=suffix)
        names = (folder / "classes.txt").read_text("utf-8").splitlines()
        return found.map_labels({str(number): name for number, name in enumerate(names)})
    return AnnotationSet.from_pascal_voc(folder / "Annotations")


kind, folder, *splits = sys.argv[1:]
found = {
    split: {
        Path(annotation.image_id).stem: [
            {"class": box.label, "box": [box.xmin, box.ymin, box.xmax, box.ymax]} for box in annotation.boxes
        ]
        for annotation in read(kind, Path(folder), split)
    }
    for split in ([""] if kind == "voc" else splits)
}
print(json.dumps({"version": version("globox"), "classes": None, "splits": found}))
