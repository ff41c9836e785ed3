"""The list of images and classes beside a file of detections, such as the one that Multibox writes."""

import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Listing:
    """The images and classes that the ids in a file of detections stand for.

    Attributes:
        name: Name of the file that lists the images and classes.
        images: File name of each image, by the image's id as text.
        classes: Name of each class, by the class's number as text.
    """

    name: str
    images: dict[str, str]
    classes: dict[str, str]


def listing_of(path: str | os.PathLike[str]) -> Listing | None:
    """Read the list beside a file of detections, such as ``image_info_coco.json`` for ``coco.json``.

    Args:
        path: Path of the file of detections.

    Returns:
        Images and classes that the list names. None if there is no such file, or it is not a list of images and
        classes.
    """
    beside = Path(path).with_name(f"image_info_{Path(path).name}")
    try:
        content = json.loads(beside.read_bytes())
        images = {str(image["id"]): str(image["file_name"]) for image in content["images"]}
        classes = {str(category["id"]): str(category["name"]) for category in content["categories"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Listing(beside.name, images, classes)
