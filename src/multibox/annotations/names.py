"""Short names of the annotation formats, for modules that list them without importing the readers."""

NAMES = (
    "voc",
    "cvat",
    "labelme-xml",
    "coco",
    "labelme",
    "via",
    "label-studio",
    "createml",
    "datumaro",
    "tfrecord",
    "keras-text",
    "kitti",
    "yolo",
    "csv",
    "parquet",
)
