"""Read a folder with pycocotools: ``python read_pycocotools.py coco FOLDER SPLIT...`` prints JSON."""

import contextlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

from pycocotools.coco import COCO

_, folder, *splits = sys.argv[1:]
found, classes = {}, []
for split in splits:
    with contextlib.redirect_stdout(sys.stderr):
        coco = COCO(str(Path(folder) / f"annotations/instances_{split}.json"))
        coco.info()
    classes = [category["name"] for category in coco.loadCats(sorted(coco.getCatIds()))]
    found[split] = {
        Path(image["file_name"]).stem: [
            {
                "class": coco.cats[annotation["category_id"]]["name"],
                "box": [x, y, x + width, y + height],
                "crowd": bool(annotation["iscrowd"]),
            }
            for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
            for x, y, width, height in [annotation["bbox"]]
        ]
        for image in coco.loadImgs(coco.getImgIds())
    }
print(json.dumps({"version": version("pycocotools"), "classes": classes, "splits": found}))
