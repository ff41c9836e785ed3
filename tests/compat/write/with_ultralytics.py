"""ultralytics: its converter of COCO, and the label files that ``predict save_txt`` writes."""

import shutil
from pathlib import Path

import numpy as np
import torch
from common import CLASSES, fresh, images, write_coco
from ultralytics.data.converter import convert_coco
from ultralytics.engine.results import Results

SCORE, TRACK = 0.75, 7
LAYOUTS = {
    "save-txt": ((), False),
    "save-txt-conf": ((), True),
    "save-txt-track": ((TRACK,), False),
    "save-txt-track-conf": ((TRACK,), True),
}


def found(image: dict, track: tuple[int, ...] = (), keypoints: bool = False) -> Results:
    """What a detector that makes no mistakes finds. Its key points are the upper left and the lower right corner."""
    things = image["objects"]
    rows = [(*thing["box"], *track, SCORE, CLASSES.index(thing["name"])) for thing in things]
    boxes = torch.tensor(rows, dtype=torch.float64).reshape(-1, 6 + len(track))
    corners = [(x0, y0, 2, x1, y1, 2) for thing in things for x0, y0, x1, y1 in [thing["box"]]]
    points = torch.tensor(corners, dtype=torch.float64).reshape(-1, 2, 3) if keypoints else None
    pixels = np.zeros((image["height"], image["width"], 3), np.uint8)
    return Results(pixels, image["name"], dict(enumerate(CLASSES)), boxes=boxes, keypoints=points)


def label_file(layout: Path, image: dict) -> str:
    return str(layout / "labels" / image["name"].replace(".jpg", ".txt"))


source = fresh("ultralytics", "source")
write_coco(source / "instances_train.json")
converted = fresh("ultralytics", "convert-coco")
converted.rmdir()  # where the folder is there, the converter takes another name
convert_coco(str(source), str(converted), cls91to80=False)
shutil.rmtree(source)
for layout, (track, score) in LAYOUTS.items():
    folder = fresh("ultralytics", layout)
    for image in images():
        found(image, track).save_txt(label_file(folder, image), save_conf=score)
pose = fresh("ultralytics", "save-txt-pose")
for image in images():
    found(image, keypoints=True).save_txt(label_file(pose, image))
