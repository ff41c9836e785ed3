"""FiftyOne: its exporters, each fed sample by sample as ``Dataset.export`` does it. This way needs no database."""

import fiftyone as fo
import fiftyone.utils.coco as fouc
import fiftyone.utils.cvat as fouv
import fiftyone.utils.kitti as fouk
import fiftyone.utils.voc as fouvoc
import fiftyone.utils.yolo as fouy
from common import CLASSES, IMAGES, SPLITS, fresh, images


def detections(image: dict) -> fo.Detections:
    """FiftyOne's labels: fractions of the image, as x0, y0, width, height."""
    width, height = image["width"], image["height"]
    return fo.Detections(
        detections=[
            fo.Detection(
                label=thing["name"], bounding_box=[x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height]
            )
            for thing in image["objects"]
            for x0, y0, x1, y1 in [thing["box"]]
        ]
    )


def write(exporter: object, split: str = "") -> None:
    with exporter:
        for image in images(split):
            path = str(IMAGES / image["name"])
            exporter.export_sample(path, detections(image), metadata=fo.ImageMetadata.build_for(path))


write(fouvoc.VOCDetectionDatasetExporter(export_dir=str(fresh("fiftyone", "voc"))))
write(fouc.COCODetectionDatasetExporter(export_dir=str(fresh("fiftyone", "coco")), classes=CLASSES))
write(fouy.YOLOv4DatasetExporter(export_dir=str(fresh("fiftyone", "yolov4")), classes=CLASSES))
write(fouk.KITTIDetectionDatasetExporter(export_dir=str(fresh("fiftyone", "kitti"))))
write(fouv.CVATImageDatasetExporter(export_dir=str(fresh("fiftyone", "cvat"))))
yolo = fresh("fiftyone", "yolov5")
for split in SPLITS:
    write(fouy.YOLOv5DatasetExporter(export_dir=str(yolo), split=split, classes=CLASSES), split)
