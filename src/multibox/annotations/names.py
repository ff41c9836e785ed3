"""Short names of the formats, for those who offer them without reading any."""

NAMES = ("voc", "coco", "keras-text", "kitti", "yolo", "csv")
