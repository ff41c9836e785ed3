"""sahi: its COCO, its YOLO, and COCO of slices."""

import shutil

from common import IMAGES, fresh, write_coco
from sahi.slicing import slice_coco
from sahi.utils.coco import Coco, export_coco_as_yolo
from sahi.utils.file import save_json

source = fresh("sahi", "source")
truth = str(source / "truth.json")
write_coco(source / "truth.json")


def coco() -> Coco:
    return Coco.from_coco_dict_or_path(truth, image_dir=str(IMAGES))


save_json(coco().json, str(fresh("sahi", "coco") / "dataset.json"))
export_coco_as_yolo(str(fresh("sahi", "yolo")), train_coco=coco(), val_coco=None, disable_symlink=True)
sliced = fresh("sahi", "coco-sliced")
slice_coco(truth, str(IMAGES), "sliced", output_dir=str(sliced), slice_height=100, slice_width=160, verbose=False)
shutil.rmtree(source)
