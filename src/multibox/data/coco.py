"""COCO JSON: one file a split, with ``images``, ``annotations`` and ``categories``.

Segments and key points are dropped. A segment's area is kept.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from multibox.data.annotation import Annotation, Item, Part, usual_split
from multibox.errors import BadInput


def find_coco(path: Path) -> list[Path]:
    """The annotation files at a path: the path itself, or those of a folder in COCO's or Roboflow's layout."""
    if path.is_file():
        return [path] if path.suffix == ".json" else []
    found = sorted(path.glob("annotations/*.json")) or sorted(path.glob("*/_annotations.coco.json"))
    boxes = [file for file in found if not file.name.startswith(("captions_", "person_keypoints_", "image_info_"))]
    return boxes or sorted(path.glob("*.json"))


def read_coco(files: list[Path], *, images: Path | None = None) -> Part:
    """Read COCO files as one source.

    Args:
        files: Paths of the files, one a split. The split is the one in the file's name (``instances_val2017.json``),
            else in its folder's. Without one, the images are still to be divided.
        images: Folder of the images. None finds it beside the files.

    Returns:
        The items, with the files' image ids, and the classes by category id.

    Raises:
        BadInput: If a file is not COCO, or its parts do not fit together.
    """
    splits: dict[str, list[Item]] = defaultdict(list)
    categories: dict[int, str] = {}
    for file in files:
        content = _load(file)
        try:
            categories |= {int(category["id"]): str(category["name"]) for category in content["categories"]}
            split = usual_split(file.stem) or usual_split(file.parent.name)
            splits[split] += _items(file, content, categories, images)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(file, f"not COCO annotations: {type(error).__name__} {error}; see cocodataset.org") from None
    ids = tuple(sorted(categories))
    return Part(files[0] if len(files) == 1 else files[0].parent, dict(splits), tuple(categories[i] for i in ids), ids)


def _load(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except ValueError as error:
        raise BadInput(file, f"not JSON: {error}") from None
    for name in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(name), list):
            raise BadInput(file, f"has no list {name!r}; COCO annotations have images, annotations and categories")
    return content


def _items(file: Path, content: dict[str, Any], categories: dict[int, str], images: Path | None) -> list[Item]:
    by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in content["annotations"]:
        if annotation["category_id"] not in categories:
            raise BadInput(file, f"annotation {annotation.get('id')}: no category {annotation['category_id']}; add it")
        by_image[annotation["image_id"]].append(annotation)
    strays = by_image.keys() - {image["id"] for image in content["images"]}
    if strays:
        raise BadInput(file, f"annotations of images that are not listed: {sorted(strays)[:5]}; list or remove them")
    folder = images or _picture_folder(file, content["images"])
    return [
        Item(str(image["id"]), folder / image["file_name"], _annotation(file, image, by_image[image["id"]], categories))
        for image in content["images"]
    ]


def _annotation(
    file: Path, image: dict[str, Any], found: list[dict[str, Any]], categories: dict[int, str]
) -> Annotation:
    boxes = np.array([annotation["bbox"] for annotation in found], np.float64).reshape(-1, 4)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    areas = boxes[:, 2] * boxes[:, 3]
    return Annotation(
        f"{file}, image {image['id']}",
        tuple(categories[annotation["category_id"]] for annotation in found),
        corners,
        size=(image["width"], image["height"]) if image.get("width") and image.get("height") else None,
        columns={
            "crowd": [bool(annotation.get("iscrowd", 0)) for annotation in found],
            "area": [annotation.get("area", area) for annotation, area in zip(found, areas, strict=True)],
            "ids": [str(annotation.get("id", i)) for i, annotation in enumerate(found)],
        },
        extra={"file_name": image["file_name"]},
    )


def _picture_folder(file: Path, images: list[dict[str, Any]]) -> Path:
    """The folder that has the first image: beside the file, or named after it as COCO does (``train2017``)."""
    bases = [file.parent, file.parent.parent]
    name, split = file.stem.rpartition("_")[2], file.stem.removeprefix("instances_")
    below = ("", name, "images", f"images/{name}", f"images/{split}", "JPEGImages")
    folders = [base / folder for base in bases for folder in below]
    first = images[0]["file_name"] if images else ""
    return next((folder for folder in folders if (folder / first).is_file()), folders[0])
