"""Read a folder with torchvision: ``python read_torchvision.py voc FOLDER SPLIT...`` prints JSON.

The folder has to be ``VOCdevkit/VOC2007``. Only train, val, trainval and test can be read.
"""

import json
import sys
from pathlib import Path

import torch

try:
    import torchvision
except RuntimeError:  # Its compiled part is for another PyTorch. Reading files needs none of its operators.
    declared = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision
from torchvision.datasets import VOCDetection


def read(target: dict) -> dict:
    box = [float(target["bndbox"][edge]) for edge in ("xmin", "ymin", "xmax", "ymax")]
    return {"class": target["name"], "box": box, "difficult": target["difficult"] == "1"}


_, folder, *splits = sys.argv[1:]
found: dict[str, dict[str, list[dict]]] = {}
for split in splits:
    dataset = VOCDetection(Path(folder).parents[1], year="2007", image_set=split, download=False)
    found[split] = {}
    for image, target in dataset:
        annotation = target["annotation"]
        assert image.size == (int(annotation["size"]["width"]), int(annotation["size"]["height"]))
        found[split][Path(annotation["filename"]).stem] = [read(item) for item in annotation["object"]]
print(json.dumps({"version": torchvision.__version__.partition("+")[0], "classes": None, "splits": found}))
