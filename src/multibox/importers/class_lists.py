"""Class names of the datasets that published detectors were trained on, in the order of the detectors' outputs."""

from multibox.annotations.formats.voc import CLASSES as VOC

_COCO = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,"
    "bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,"
    "skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,"
    "cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,"
    "potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,"
    "refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush"
)
COCO = tuple(_COCO.split(","))
"""Names of COCO's 80 classes, in the order of their category ids."""

_COCO_IDS = 90
_COCO_UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
"""Ids that COCO never gave to a category; torchvision's detectors have columns for them."""

COCO_COLUMNS = (0, *(number for number in range(1, _COCO_IDS + 1) if number not in _COCO_UNUSED))
"""Indices of background and COCO's 80 classes among the 91 outputs of torchvision's detectors."""

KNOWN = {len(VOC): VOC, len(COCO): COCO}
