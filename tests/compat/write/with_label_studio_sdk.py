"""Label Studio: the converter behind its exports, fed with the JSON of a project as the server stores it.

JSON and JSON_MIN are written by the converter too. ``tasks.json`` is its input, which is also what Label Studio's own
JSON export holds: percentages of the image.
"""

import json
import shutil

from common import CLASSES, IMAGES, fresh, images
from label_studio_sdk.converter import Converter

CONFIG = "<View><Image name='image' value='$image'/><RectangleLabels name='label' toName='image'>{}</RectangleLabels></View>"
LABELS = "".join(f"<Label value='{name}'/>" for name in CLASSES)


def result(image: dict, number: int, thing: dict) -> dict:
    """One rectangle in Label Studio's own terms."""
    x0, y0, x1, y1 = thing["box"]
    across, down = 100 / image["width"], 100 / image["height"]
    value = {"x": x0 * across, "y": y0 * down, "width": (x1 - x0) * across, "height": (y1 - y0) * down, "rotation": 0}
    return {
        "id": f"r{number}",
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": image["width"],
        "original_height": image["height"],
        "image_rotation": 0,
        "value": {**value, "rectanglelabels": [thing["name"]]},
        "origin": "manual",
    }


def task(number: int, image: dict) -> dict:
    """One labelled image of a project, whose image was uploaded (a hash before its name)."""
    results = [result(image, n, thing) for n, thing in enumerate(image["objects"])]
    return {
        "id": number,
        "data": {"image": f"/data/upload/1/{number:08x}-{image['name']}"},
        "annotations": [{"id": number, "completed_by": 1, "was_cancelled": False, "result": results}],
        "predictions": [],
        "file_upload": f"{number:08x}-{image['name']}",
        "inner_id": number,
        "project": 1,
    }


uploads = fresh("label-studio-sdk", "uploads")
(uploads / "1").mkdir()
tasks = [task(number, image) for number, image in enumerate(images(), 1)]
for one, image in zip(tasks, images(), strict=True):
    shutil.copy(IMAGES / image["name"], uploads / "1" / one["file_upload"])
(uploads / "tasks.json").write_text(json.dumps(tasks))
for layout in ("VOC", "COCO_WITH_IMAGES", "YOLO_WITH_IMAGES", "YOLO", "YOLO_OBB_WITH_IMAGES", "CSV", "JSON", "JSON_MIN"):
    folder = fresh("label-studio-sdk", layout.lower().removesuffix("_with_images") + ("-alone" if layout == "YOLO" else ""))
    converter = Converter(
        CONFIG.format(LABELS), str(uploads), upload_dir=str(uploads), download_resources=layout.endswith("IMAGES") or layout == "VOC"
    )
    converter.convert(str(uploads / "tasks.json"), str(folder), layout, is_dir=False)
shutil.rmtree(uploads)
