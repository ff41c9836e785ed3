"""Short names of the formats, for those who offer them without reading any."""

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
