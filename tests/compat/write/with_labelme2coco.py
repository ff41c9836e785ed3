"""labelme2coco: reads labelme's files, writes COCO."""

import json
import os
import shutil

import labelme2coco
from common import fresh, images

folder = fresh("labelme2coco", "coco")
os.chdir(folder)  # it writes the images' paths as they were given
(folder / "photos").mkdir()
for image in images():
    shapes = [
        {"label": thing["name"], "points": [[x0, y0], [x1, y1]], "shape_type": "rectangle"}
        for thing in image["objects"]
        for x0, y0, x1, y1 in [thing["box"]]
    ]
    size = {"imageWidth": image["width"], "imageHeight": image["height"]}
    document = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image["name"],
        "imageData": None,
        **size,
    }
    (folder / "photos" / image["name"].replace(".jpg", ".json")).write_text(json.dumps(document))
labelme2coco.convert("photos", str(folder))
shutil.rmtree(folder / "photos")
