"""pylabel: reads COCO, then each of its writers."""

import os
import shutil

from common import IMAGES, OUT, fresh, write_coco
from pylabel import importer
from pylabel.dataset import Dataset

source = OUT / "photos"
shutil.copytree(IMAGES, source, dirs_exist_ok=True)
write_coco(source / "truth.json")


def dataset() -> Dataset:
    return importer.ImportCoco(str(source / "truth.json"), path_to_images=".", name="compat")


def write_yolo(layout: str, **options: int) -> None:
    folder = fresh("pylabel", layout)
    os.chdir(folder)
    dataset().export.ExportToYoloV5("labels", "dataset.yaml", copy_images=True, use_splits=False, **options)


dataset().export.ExportToVoc(str(fresh("pylabel", "voc")))
dataset().export.ExportToVoc(str(fresh("pylabel", "voc-all-tags")), segmented_=True, path_=True, folder_=True)
dataset().export.ExportToCoco(str(fresh("pylabel", "coco") / "compat.json"))
write_yolo("yolo")
write_yolo("yolo-from-0", cat_id_index=0)
shutil.rmtree(source)
