"""Weights of pierluigiferrari/ssd_keras, a port of Caffe's SSD300 and SSD512 that keeps Caffe's layer names."""

from multibox.importers.caffe import head_name
from multibox.importers.h5_file import read_h5
from multibox.importers.peer import Peer
from multibox.importers.vgg_ssd import NORM, SIZES_300, Dialect, Sizes

_SIZES: Sizes = {
    "ssd300": SIZES_300,
    "ssd512": {
        "voc": (35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6),
        "coco": (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72),
    },
}


def _names(ours: str) -> tuple[str, ...]:
    if ours == NORM:
        return (f"{NORM}/{NORM}_gamma",)
    layer = head_name(ours) if ours.endswith(("_classes", "_boxes")) else ours
    return f"{layer}/kernel", f"{layer}/bias"


SSD_KERAS = Peer("ssd-keras", "pierluigiferrari/ssd_keras", read_h5, Dialect(_names, _SIZES, oihw=False, bgr=True).plan)
