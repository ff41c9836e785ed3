"""Label Studio: the converter behind its exports, fed with the JSON of a project as the server stores it."""

import json
import shutil

from common import CLASSES, IMAGES, OUT, fresh, images
from label_studio_sdk.converter import Converter

LABELS = "".join(f"<Label value='{name}'/>" for name in CLASSES)
CONFIG = f"""<View><Image name='image' value='$image'/>
<RectangleLabels name='label' toName='image'>{LABELS}</RectangleLabels></View>"""
LAYOUTS = {
    "voc": "VOC",
    "coco": "COCO_WITH_IMAGES",
    "yolo": "YOLO_WITH_IMAGES",
    "yolo-alone": "YOLO",
    "yolo-obb": "YOLO_OBB_WITH_IMAGES",
    "csv": "CSV",
    "json": "JSON",
    "json-min": "JSON_MIN",
}


def result(image: dict, number: int, thing: dict) -> dict:
    """One rectangle in Label Studio's own terms: parts of the image in percent."""
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
    """One labelled image of a project. Its image was uploaded, and Label Studio put eight digits before its name."""
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


uploads = OUT / "upload"
(uploads / "1").mkdir(parents=True)
tasks = [task(number, image) for number, image in enumerate(images(), 1)]
for one, image in zip(tasks, images(), strict=True):
    shutil.copy(IMAGES / image["name"], uploads / "1" / one["file_upload"])
(uploads / "tasks.json").write_text(json.dumps(tasks))
for layout, name in LAYOUTS.items():
    folders = {"project_dir": str(uploads), "upload_dir": str(uploads)}
    converter = Converter(CONFIG, download_resources=name.endswith("_IMAGES") or name == "VOC", **folders)
    converter.convert(str(uploads / "tasks.json"), str(fresh("label-studio-sdk", layout)), name, is_dir=False)
shutil.rmtree(uploads)
