"""globox: each writer of ``AnnotationSet``."""

from common import CLASSES, IMAGES, fresh, images
from globox import Annotation, AnnotationSet, BoundingBox

LABELS = {name: number for number, name in enumerate(CLASSES)}
NUMBERS = {image["name"]: number for number, image in enumerate(images(), 1)}


def annotation(image: dict) -> Annotation:
    boxes = [
        BoundingBox(label=thing["name"], xmin=x0, ymin=y0, xmax=x1, ymax=y1)
        for thing in image["objects"]
        for x0, y0, x1, y1 in [thing["box"]]
    ]
    return Annotation(image["name"], (image["width"], image["height"]), boxes)


known = AnnotationSet(annotation(image) for image in images())
known.save_pascal_voc(fresh("globox", "voc"))
known.save_imagenet(fresh("globox", "imagenet"))
known.save_labelme(fresh("globox", "labelme"))
known.save_txt(fresh("globox", "txt"))
known.save_txt(fresh("globox", "txt-relative"), label_to_id=LABELS, relative=True)
known.save_yolo_darknet(fresh("globox", "yolo-darknet"), label_to_id=LABELS)
known.save_yolo_v5(fresh("globox", "yolo-v5"), label_to_id=LABELS)
known.save_yolo_v7(fresh("globox", "yolo-v7"), label_to_id=LABELS)
known.save_coco(fresh("globox", "coco") / "annotations.json", label_to_id=LABELS, imageid_to_id=NUMBERS)
known.save_coco(fresh("globox", "coco-auto-ids") / "annotations.json", auto_ids=True)
known.save_openimage(fresh("globox", "openimage") / "annotations.csv")
known.save_cvat(fresh("globox", "cvat") / "annotations.xml")
known.save_via_json(fresh("globox", "via") / "annotations.json", image_folder=IMAGES)
