"""labelformat: reads COCO, then each of its writers of boxes."""

from common import OUT, fresh, write_coco
from labelformat.formats.coco import COCOObjectDetectionInput, COCOObjectDetectionOutput
from labelformat.formats.cvat import CVATObjectDetectionOutput
from labelformat.formats.kitti import KittiObjectDetectionOutput
from labelformat.formats.lightly import LightlyObjectDetectionOutput
from labelformat.formats.pascalvoc import PascalVOCObjectDetectionOutput
from labelformat.formats.yolov8 import YOLOv8ObjectDetectionOutput

source = OUT / "truth.json"
write_coco(source)
known = COCOObjectDetectionInput(source)
PascalVOCObjectDetectionOutput(fresh("labelformat", "voc") / "Annotations").save(known)
COCOObjectDetectionOutput(fresh("labelformat", "coco") / "annotations.json").save(known)
CVATObjectDetectionOutput(fresh("labelformat", "cvat")).save(known)
KittiObjectDetectionOutput(fresh("labelformat", "kitti") / "labels").save(known)
LightlyObjectDetectionOutput(fresh("labelformat", "lightly") / "labels").save(known)
YOLOv8ObjectDetectionOutput(fresh("labelformat", "yolo") / "data.yaml", "train").save(known)
source.unlink()
