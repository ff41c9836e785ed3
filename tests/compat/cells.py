"""The matrix of tools and formats: what each folder of `tools/` must give. Its corners are what `CORNERS.md` says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Corners = Callable[[np.ndarray, tuple[int, int]], tuple[np.ndarray, np.ndarray]]
"""From true edges ``(4,)`` and the image's size to the edges that a file can give, and their tolerance ``(4,)``."""

DECLARED, SORTED = ("tram", "cart"), ("cart", "tram")
CLOSE = np.full(4, 1e-3)


def exact(box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return box, CLOSE


def digits(places: int) -> Corners:
    """Parts of the image with so many decimals: half a unit of the centre, and half of that of the size."""
    return lambda box, size: (box, 0.75 * 10.0**-places * np.tile(size, 2) + 1e-3)


def hundredths(box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return box.round(2), CLOSE


def cut(box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.floor(box), CLOSE


def nearest(box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Whole pixels. A half may go either way, because it was a part of the image before."""
    return box, np.where(box == np.round(box), 1e-3, 0.5 + 1e-3)


def labelimg(box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cut, and 0 raised to 1: whoever reads a minimum of 1 cannot know which of the two it was, and may take either."""
    edges = np.floor(box)
    is_open = (edges <= 1) & [True, True, False, False]
    return np.where(is_open, 0.5, edges), np.where(is_open, 0.5, 0) + 1e-3


def label_studio(box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and size each cut after a percentage, which may fall just below a whole number."""
    first = [int(edge * (100 / side) / 100 * side) for edge, side in zip(box[:2], size, strict=True)]
    sides = [int(long * (100 / side) / 100 * side) for long, side in zip(box[2:] - box[:2], size, strict=True)]
    return np.array([*first, *np.add(first, sides)], float), CLOSE


def pixels(box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """supervision 0.31.2: edges to the nearest after 1 is added to the minima, and never a box without pixels."""
    first = (box[:2] + 1).round()
    return np.concatenate([first - 1, np.maximum(box[2:].round(), first)]), CLOSE


@dataclass(frozen=True)
class Cell:
    """One folder of `tools/`.

    Attributes:
        folder: Its name.
        images: Path of each image in it, with the fields of :meth:`image`.
        corners: What the file can give of true edges.
        classes: Classes in the order that is right: the declared one where the files declare it, else sorted.
        splits: ``truth``: as in the truth. ``dealt``: one piece, divided by chance. ``train``: all are named train.
            ``twice``: the files name the same images for train and val.
        has_bare: Whether the files name the image without objects. None: they do not, and it may be taken or left out.
        repeats: Whether the tool writes an object twice.
        options: What the user has to add.
        refused: A pattern of the message, if the files cannot be read without a guess.
    """

    folder: str
    images: str = "{name}"
    corners: Corners = exact
    classes: tuple[str, ...] = SORTED
    splits: str = "dealt"
    has_bare: bool | None = True
    repeats: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    refused: str = ""

    def image(self, image: dict[str, Any], number: int) -> str:
        """Path of an image, relative to the folder."""
        stem, folder = image["name"].removesuffix(".jpg"), {"train": "train", "val": "valid"}[image["split"]]
        cvat = {"train": "Train", "val": "Validation"}[image["split"]]
        return self.images.format(**image | {"stem": stem, "folder": folder, "cvat": cvat, "number": number})


ROBOFLOW = "{folder}/{stem}_jpg.rf.{width:032x}.jpg"
UPLOADED = "images/{number:08x}-{name}"
NAMED = {"classes": DECLARED}
BEYOND = "class numbers run from 1 to 2, and there are 2 classes|'2' is not a class number|class 2"
NOTHING = "no (dataset|annotations) found"

CELLS = (
    Cell("datasets-5.2.0-parquet-lists", "{name}", exact, DECLARED, splits="truth"),
    Cell("datasets-5.2.0-parquet-objects", "{name}", exact, DECLARED, splits="truth"),
    Cell("datumaro-0.3.1-voc-detection", "JPEGImages/{name}", hundredths, DECLARED, splits="truth"),
    Cell("datumaro-1.13.12-coco", "images/{split}/{name}", hundredths, DECLARED, splits="truth"),
    Cell("datumaro-1.13.12-coco-instances", "images/{split}/{name}", hundredths, DECLARED, splits="truth"),
    Cell("datumaro-1.13.12-cvat", "images/{name}", hundredths, DECLARED, splits="truth"),
    Cell("datumaro-1.13.12-coco-instances-default", "images/default/{name}", hundredths, DECLARED),
    Cell("datumaro-1.13.12-cvat-default", "images/{name}", hundredths, DECLARED),
    Cell("datumaro-1.13.12-kitti-default", "default/image_2/{name}", hundredths, DECLARED, has_bare=None),
    Cell("datumaro-1.13.12-open-images-default", "images/default/{name}", hundredths, DECLARED),
    Cell("datumaro-1.13.12-voc-detection-default", "JPEGImages/{name}", hundredths, DECLARED),
    Cell("datumaro-1.13.12-yolo-default", "obj_train_data/{name}", hundredths, DECLARED, splits="train"),
    Cell("datumaro-1.13.12-datumaro", "images/{split}/{name}", hundredths, DECLARED, splits="truth"),
    Cell("datumaro-1.13.12-kitti", "{split}/image_2/{name}", hundredths, DECLARED, splits="truth", has_bare=None),
    Cell("datumaro-1.13.12-label-me", "Images/{split}/{name}", hundredths, splits="truth"),
    Cell("datumaro-1.13.12-mot-seq-gt", "img1/{number:06}.jpg", refused=NOTHING),
    Cell("datumaro-1.13.12-open-images", "images/{split}/{name}", hundredths, DECLARED, splits="truth"),
    Cell("datumaro-1.13.12-voc", "JPEGImages/{name}", hundredths, DECLARED, splits="truth"),
    Cell("datumaro-1.13.12-voc-detection", "JPEGImages/{name}", hundredths, DECLARED, splits="truth"),
    Cell("datumaro-1.13.12-wider-face", "WIDER_{split}/images/no_label/{name}", refused=NOTHING),
    Cell("datumaro-1.13.12-yolo", "obj_{split}_data/{name}", hundredths, DECLARED, splits="truth"),
    Cell("datumaro-1.13.12-yolo-ultralytics", "images/{split}/{name}", hundredths, DECLARED, splits="truth"),
    Cell("fiftyone-1.22.1-coco", "data/{name}", exact, DECLARED),
    Cell("fiftyone-1.22.1-cvat", "data/{name}", nearest),
    Cell("fiftyone-1.22.1-kitti", "data/{name}", nearest),
    Cell("fiftyone-1.22.1-voc", "data/{name}", cut),
    Cell("fiftyone-1.22.1-yolov4", "data/{name}", exact, DECLARED),
    Cell("fiftyone-1.22.1-yolov5", "images/{split}/{name}", exact, DECLARED, splits="truth"),
    Cell("globox-2.9.0-coco", "{name}", exact, DECLARED),
    Cell("globox-2.9.0-coco-auto-ids", "{name}", exact),
    Cell("globox-2.9.0-cvat", "{name}", exact),
    Cell("globox-2.9.0-imagenet", "{name}", exact),
    Cell("globox-2.9.0-labelme", "{name}", exact),
    Cell("globox-2.9.0-openimage", "{name}", exact, has_bare=False),
    Cell("globox-2.9.0-txt", "{name}", refused=rf"\.txt|{NOTHING}"),
    Cell("globox-2.9.0-txt-relative", "{name}", options=NAMED, refused="beyond"),
    Cell("globox-2.9.0-via", "{name}", exact),
    Cell("globox-2.9.0-voc", "{name}", exact),
    Cell("globox-2.9.0-yolo-darknet", "{name}", exact, DECLARED, options=NAMED),
    Cell("globox-2.9.0-yolo-v5", "{name}", exact, DECLARED, options=NAMED),
    Cell("globox-2.9.0-yolo-v7", "{name}", refused="classes"),
    Cell("label-studio-sdk-2.1.2-coco", UPLOADED, exact),
    Cell("label-studio-sdk-2.1.2-csv", UPLOADED, exact),
    Cell("label-studio-sdk-2.1.2-json", UPLOADED, exact),
    Cell("label-studio-sdk-2.1.2-json-min", UPLOADED, exact),
    Cell("label-studio-sdk-2.1.2-voc", UPLOADED, label_studio, has_bare=None),
    Cell("label-studio-sdk-2.1.2-yolo", UPLOADED, exact),
    Cell("label-studio-sdk-2.1.2-yolo-alone", UPLOADED, exact),
    Cell("label-studio-sdk-2.1.2-yolo-obb", UPLOADED, exact),
    Cell("labelImg-1.8.6-createml", "photos/{name}", exact),
    Cell("labelImg-1.8.6-voc", "photos/{name}", labelimg),
    Cell("labelImg-1.8.6-yolo", "photos/{name}", labelimg, DECLARED),
    Cell("labelme-6.3.1-json", "{name}", exact),
    Cell("labelme-6.3.1-json-embedded", "{name}", exact),
    Cell("labelme2coco-0.2.6-coco", "photos/{name}", exact),
    Cell("labelformat-0.1.17-coco", "{name}", exact, DECLARED),
    Cell("labelformat-0.1.17-cvat", "{name}", exact, DECLARED),
    Cell("labelformat-0.1.17-kitti", "images/{name}", exact),
    Cell("labelformat-0.1.17-lightly", "{name}", refused=NOTHING),
    Cell("labelformat-0.1.17-voc", "{name}", exact),
    Cell("labelformat-0.1.17-yolo", "images/{name}", refused="numbered 1, 2"),
    Cell("layout-of-cvat-job", "{name}", hundredths, DECLARED),
    Cell("layout-of-cvat-project", "images/{cvat}/{name}", hundredths, DECLARED, splits="truth"),
    Cell("layout-of-keras-retinanet", "photos/{name}", cut, DECLARED),
    Cell("layout-of-roboflow-coco", ROBOFLOW, exact, splits="truth"),
    Cell("layout-of-roboflow-createml", ROBOFLOW, exact, splits="truth"),
    Cell("layout-of-roboflow-csv", ROBOFLOW, cut, splits="truth", has_bare=None),
    Cell("layout-of-roboflow-keras", ROBOFLOW, cut, splits="truth"),
    Cell("layout-of-roboflow-voc", ROBOFLOW, cut, splits="truth"),
    Cell("layout-of-roboflow-yolo", "{folder}/images/{stem}_jpg.rf.{width:032x}.jpg", exact, splits="truth"),
    Cell("layout-of-tensorflow-csv", "{name}", cut, splits="truth", has_bare=None),
    Cell("layout-of-via-csv", "{name}", cut),
    Cell("layout-of-via-project", "{name}", cut, DECLARED),
    Cell("layout-of-vott-csv", "{name}", exact, has_bare=None),
    Cell("layout-of-vott-voc", "JPEGImages/{name}", exact, DECLARED, splits="truth"),
    Cell("pascal-voc-writer-0.1.4-voc", "photos/{name}", exact),
    Cell("pylabel-0.1.55-coco", "{name}", exact, DECLARED, repeats=True),
    Cell("pylabel-0.1.55-voc", "{name}", cut),
    Cell("pylabel-0.1.55-voc-all-tags", "{name}", cut),
    Cell("pylabel-0.1.55-yolo", "images/{name}", refused=BEYOND),
    Cell("pylabel-0.1.55-yolo-from-0", "images/{name}", digits(4), DECLARED, splits="twice"),
    Cell("sahi-0.12.8-coco", "{name}", exact, DECLARED),
    Cell("sahi-0.12.8-yolo", "train/{name}", refused=f"{BEYOND}|no such folder"),
    Cell("supervision-0.26.1-coco", "images/{name}", exact, DECLARED),
    Cell("supervision-0.26.1-voc", "images/{name}", cut),
    Cell("supervision-0.26.1-yolo", "images/{name}", digits(5), DECLARED),
    Cell("supervision-0.31.2-coco", "images/{name}", exact, DECLARED),
    Cell("supervision-0.31.2-voc", "images/{name}", pixels),
    Cell("supervision-0.31.2-yolo", "images/{name}", digits(5), DECLARED),
    Cell("tensorflow-cpu-2.21.0-tfrecord", "{name}", exact, DECLARED, splits="truth"),
    Cell("ultralytics-8.4.190-convert-coco", "images/train/{name}", digits(6), DECLARED, splits="train", options=NAMED),
    Cell("ultralytics-8.4.190-save-txt", "images/{name}", digits(6), DECLARED, options=NAMED),
    Cell("ultralytics-8.4.190-save-txt-conf", "images/{name}", digits(6), DECLARED, options=NAMED),
    Cell("ultralytics-8.4.190-save-txt-pose", "images/{name}", options=NAMED, refused="has 11 columns"),
    Cell("ultralytics-8.4.190-save-txt-track", "images/{name}", digits(6), DECLARED, options=NAMED),
    Cell("ultralytics-8.4.190-save-txt-track-conf", "images/{name}", digits(6), DECLARED, options=NAMED),
)
