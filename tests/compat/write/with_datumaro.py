"""datumaro, with which CVAT writes its exports: each of its formats that holds boxes with classes."""

import datumaro as dm
from common import CLASSES, IMAGES, fresh, images

LAYOUTS = (
    "cvat",
    "voc",
    "voc_detection",
    "coco",
    "coco_instances",
    "yolo",
    "yolo_ultralytics",
    "datumaro",
    "kitti",
    "label_me",
    "open_images",
    "wider_face",
    "mot_seq_gt",
)


def item(image: dict) -> dm.DatasetItem:
    boxes = []
    for thing in image["objects"]:
        x0, y0, x1, y1 = thing["box"]
        flags = {name: thing.get(name, False) for name in ("difficult", "truncated", "occluded")}
        boxes.append(dm.Bbox(x0, y0, x1 - x0, y1 - y0, label=CLASSES.index(thing["name"]), attributes=flags))
    return dm.DatasetItem(
        id=image["name"].removesuffix(".jpg"),
        subset=image["split"],
        annotations=boxes,
        media=dm.Image.from_file(path=str(IMAGES / image["name"]), size=(image["height"], image["width"])),
    )


for layout in LAYOUTS:
    dataset = dm.Dataset.from_iterable([item(image) for image in images()], categories=CLASSES)
    dataset.export(str(fresh("datumaro", layout.replace("_", "-"))), layout, save_media=True)
