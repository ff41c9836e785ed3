"""sahi: its COCO, itsYOLO."""

import shutil

from common import IMAGES, fresh, write_coco
from sahi.utils.coco import Coco, export_coco_as_yolo
from sahi.utils.file import save_json

source = fresh("sahi", "source")
truth = str(source / "truth.json")
write_coco(source / "truth.json")


def coco() -> Coco:
    return Coco.from_coco_dict_or_path(truth, image_dir=str(IMAGES))


save_json(coco().json, str(fresh("sahi", "coco") / "dataset.json"))
export_coco_as_yolo(str(fresh("sahi", "yolo")), train_coco=coco(), val_coco=None, disable_symlink=True)
shutil.rmtree(source)
