"""datumaro, which also writes CVAT's exports: each of its formats that holds boxes."""

import datumaro as dm
from common import CLASSES, IMAGES, fresh, images

LAYOUTS = (
    "cvat", "voc", "voc_detection", "coco", "coco_instances", "yolo", "yolo_ultralytics", "datumaro", "kitti", "label_me",
    "open_images", "wider_face", "mot_seq_gt", "mvtec_detection", "icdar_text_localization",
)  # fmt: skip


def item(image: dict) -> dm.DatasetItem:
    boxes = [
        dm.Bbox(x0, y0, x1 - x0, y1 - y0, id=number, label=CLASSES.index(thing["name"]),
                attributes={"difficult": thing.get("difficult", False), "truncated": thing.get("truncated", False),
                            "occluded": False})
        for number, thing in enumerate(image["objects"], 1)
        for x0, y0, x1, y1 in [thing["box"]]
    ]
    return dm.DatasetItem(
        id=image["name"].removesuffix(".jpg"), subset=image["split"], annotations=boxes,
        media=dm.Image.from_file(path=str(IMAGES / image["name"]), size=(image["height"], image["width"])),
    )


for layout in LAYOUTS:
    dataset = dm.Dataset.from_iterable([item(image) for image in images()], categories=list(CLASSES))
    folder = fresh("datumaro", layout.replace("_", "-"))
    try:
        dataset.export(str(folder), layout, save_media=True)
    except Exception as error:
        print(layout, type(error).__name__, error)
        folder.rmdir() if not any(folder.iterdir()) else None
