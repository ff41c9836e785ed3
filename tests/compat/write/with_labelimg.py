"""labelImg: the class that its window calls to save, with corners as its canvas holds them."""

import os
import shutil

from common import CLASSES, IMAGES, fresh, images
from libs.labelFile import LabelFile


def shapes(image: dict) -> list[dict]:
    """labelImg's shapes: four corners, clockwise from the upper left."""
    return [
        {
            "label": thing["name"],
            "points": [(x0, y0), (x1, y0), (x1, y1), (x0, y1)],
            "difficult": thing.get("difficult", False),
        }
        for thing in image["objects"]
        for x0, y0, x1, y1 in [thing["box"]]
    ]


voc, yolo, create_ml = (fresh("labelImg", layout) for layout in ("voc", "yolo", "createml"))
for folder in (voc, yolo, create_ml):
    (folder / "photos").mkdir()
    os.chdir(folder)  # so that <path> is photos/NAME; in real use it is absolute
    for image in images():
        path, stem = f"photos/{image['name']}", image["name"].removesuffix(".jpg")
        shutil.copy(IMAGES / image["name"], path)
        file = LabelFile()
        if folder == voc:
            file.save_pascal_voc_format(f"photos/{stem}.xml", shapes(image), path, None)
        elif folder == yolo:
            file.save_yolo_format(f"photos/{stem}.txt", shapes(image), path, None, list(CLASSES))
        else:
            file.save_create_ml_format("photos/photos.json", shapes(image), path, None, CLASSES)
