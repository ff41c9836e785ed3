"""ultralytics: its converter of COCO, and the label files that ``predict save_txt`` writes."""

import os
import shutil

import numpy as np
import torch
from common import CLASSES, IMAGES, fresh, images, write_coco
from ultralytics.data.converter import convert_coco
from ultralytics.engine.results import Results

source = fresh("ultralytics", "source")
write_coco(source / "instances_train.json")
converted = fresh("ultralytics", "convert-coco")
converted.rmdir()  # it counts a folder of that name on
convert_coco(str(source), str(converted), cls91to80=False)
shutil.rmtree(source)

COLUMNS = {"save-txt": (), "save-txt-conf": (0.75,), "save-txt-track-conf": (7, 0.75)}
for layout, further in COLUMNS.items():
    folder = fresh("ultralytics", layout)
    for image in images():
        rows = [(*thing["box"], *(further or (0.75,)), CLASSES.index(thing["name"])) for thing in image["objects"]]
        boxes = torch.tensor(rows, dtype=torch.float64).reshape(-1, 6 + (len(further) == 2))
        pixels = np.zeros((image["height"], image["width"], 3), np.uint8)
        result = Results(pixels, image["name"], dict(enumerate(CLASSES)), boxes=boxes)
        result.save_txt(folder / "labels" / image["name"].replace(".jpg", ".txt"), save_conf=bool(further))

pose = fresh("ultralytics", "save-txt-pose")
for image in images():
    boxes = torch.tensor([(*thing["box"], 0.75, CLASSES.index(thing["name"])) for thing in image["objects"]], dtype=torch.float64)
    corners = [[[x0, y0, 0.9], [x1, y1, 0.8]] for thing in image["objects"] for x0, y0, x1, y1 in [thing["box"]]]
    pixels = np.zeros((image["height"], image["width"], 3), np.uint8)
    points = torch.tensor(corners, dtype=torch.float64).reshape(-1, 2, 3)
    result = Results(pixels, image["name"], dict(enumerate(CLASSES)), boxes=boxes.reshape(-1, 6), keypoints=points)
    result.save_txt(pose / "labels" / image["name"].replace(".jpg", ".txt"))
