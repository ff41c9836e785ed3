"""datumaro 0.3, from which CVAT's own copy descends: its VOC differs from today's."""

from common import CLASSES, IMAGES, fresh, images
from datumaro.components.annotation import Bbox
from datumaro.components.dataset import Dataset
from datumaro.components.extractor import DatasetItem
from datumaro.components.media import Image


def item(image: dict) -> DatasetItem:
    boxes = [
        Bbox(x0, y0, x1 - x0, y1 - y0, label=CLASSES.index(thing["name"]))
        for thing in image["objects"]
        for x0, y0, x1, y1 in [thing["box"]]
    ]
    media = Image(path=str(IMAGES / image["name"]), size=(image["height"], image["width"]))
    return DatasetItem(id=image["name"].removesuffix(".jpg"), subset=image["split"], media=media, annotations=boxes)


dataset = Dataset.from_iterable([item(image) for image in images()], categories=CLASSES)
dataset.export(str(fresh("datumaro", "voc-detection")), "voc_detection", save_images=True)
