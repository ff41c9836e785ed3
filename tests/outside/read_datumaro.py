"""Read a folder with Datumaro: ``python read_datumaro.py FORMAT FOLDER SPLIT...`` prints JSON."""

import json
import sys
from importlib.metadata import version

from datumaro import AnnotationType, Dataset

kind, folder, *_ = sys.argv[1:]
options = {"coordinate_mode": "voc-one-based"} if kind == "voc" else {}
dataset = Dataset.import_from(folder, {"voc": "voc_detection", "coco": "coco_instances"}.get(kind, kind), **options)
classes = [label.name for label in dataset.categories()[AnnotationType.label]]
FLAGS = {"voc": {"difficult": "difficult"}, "coco": {"crowd": "is_crowd"}}.get(kind, {})
splits: dict[str, dict[str, list[dict]]] = {}
for item in dataset:
    splits.setdefault(item.subset, {})[item.id] = [
        {
            "class": classes[found.label],
            "box": [found.x, found.y, found.x + found.w, found.y + found.h],
            **{flag: found.attributes[name] for flag, name in FLAGS.items()},
        }
        for found in item.annotations
        if found.type == AnnotationType.bbox
    ]
print(json.dumps({"version": version("datumaro"), "classes": classes, "splits": splits}))
