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


WITHOUT_SPLITS = ("cvat", "voc_detection", "coco_instances", "yolo", "kitti", "open_images")
"""Written once more as one piece, which datumaro and CVAT call ``default``."""


def item(image: dict, subset: str) -> dm.DatasetItem:
    boxes = []
    for thing in image["objects"]:
        x0, y0, x1, y1 = thing["box"]
        flags = {name: thing.get(name, False) for name in ("difficult", "truncated", "occluded")}
        boxes.append(dm.Bbox(x0, y0, x1 - x0, y1 - y0, label=CLASSES.index(thing["name"]), attributes=flags))
    return dm.DatasetItem(
        id=image["name"].removesuffix(".jpg"),
        subset=subset,
        annotations=boxes,
        media=dm.Image.from_file(path=str(IMAGES / image["name"]), size=(image["height"], image["width"])),
    )


def write(layout: str, folder: str, items: list[dm.DatasetItem]) -> None:
    dataset = dm.Dataset.from_iterable(items, categories=CLASSES)
    dataset.export(str(fresh("datumaro", folder.replace("_", "-"))), layout, save_media=True)


for layout in LAYOUTS:
    write(layout, layout, [item(image, image["split"]) for image in images()])
for layout in WITHOUT_SPLITS:
    write(layout, f"{layout}-default", [item(image, "default") for image in images()])
