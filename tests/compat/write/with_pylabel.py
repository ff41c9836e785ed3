"""pylabel: reads COCO, then each of its writers."""

import shutil

from common import IMAGES, fresh, write_coco
from pylabel import importer

source = fresh("pylabel", "source")
write_coco(source / "truth.json")
for file in IMAGES.iterdir():
    shutil.copy(file, source)


def dataset():
    return importer.ImportCoco(str(source / "truth.json"), path_to_images=".", name="compat")


dataset().export.ExportToVoc(output_path=str(fresh("pylabel", "voc")))
dataset().export.ExportToVoc(output_path=str(fresh("pylabel", "voc-all-tags")), segmented_=True, path_=True, folder_=True)
dataset().export.ExportToCoco(output_path=str(fresh("pylabel", "coco") / "compat.json"))
yolo = fresh("pylabel", "yolo")
dataset().export.ExportToYoloV5(output_path=str(yolo / "labels"), yaml_file="dataset.yaml", copy_images=True, use_splits=False)
shutil.rmtree(source)
