"""COCO JSON: one file a split, with ``images``, ``annotations`` and ``categories``.

Segments and key points are dropped. A segment's area is kept.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multibox.annotations.annotation import UNSPLIT, Annotation, Item, Options, Part
from multibox.annotations.files import Files
from multibox.annotations.images import Images
from multibox.annotations.splits import folder_split, map_files, renamed, usual_split
from multibox.errors import BadInput

NAME = "coco"
TITLE = "COCO JSON"

_LISTS = ("images", "annotations", "categories")
_OTHER_TASKS = ("captions_", "person_keypoints_", "image_info_", "panoptic_", "stuff_")
"""How COCO's own files for other tasks begin. They describe the images of its ``instances_`` files again."""


def find(files: Files) -> list[Path]:
    """The JSON files that hold the lists ``images``, ``annotations`` and ``categories``."""
    found = [path for path, content in files.json_files() if _is_coco(content)]
    return [path for path in found if not path.name.startswith(_OTHER_TASKS)] or found


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read COCO files as one source.

    Args:
        files: Files of the source.
        found: Paths of the COCO files, one a split. The split is the one in the file's name
            (``instances_val2017.json``), else in its folder's. A single file without one is still to be divided.
        options: What the user said about the data.

    Returns:
        The items, with the files' image ids, and the classes by category id.

    Raises:
        BadInput: A file is not COCO, or its lists do not fit together.
    """
    splits: dict[str, list[Item]] = defaultdict(list)
    categories: dict[int, str] = {}
    images = Images(files, options.images)
    names = {path: _written_split(path, files) for path in found}
    split_of = map_files(names.values())
    for path in found:
        content = files.json(path)
        _verify(path, content)
        try:
            categories |= {int(category["id"]): str(category["name"]) for category in content["categories"]}
            split = split_of[names[path]]
            splits[split] += _items(path, content, categories, images, split)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(path, f"not COCO annotations: {type(error).__name__} {error}; see cocodataset.org") from None
    ids = tuple(sorted(categories))
    return Part(
        found[0] if files.path.is_file() else files.root,
        dict(splits),
        tuple(categories[number] for number in ids),
        ids,
        files=tuple(found),
        splits_from="" if set(splits) == {UNSPLIT} else f"the names of the files {_listed(found, files)}",
        classes_from="the category ids",
        notes=renamed(names.values()),
    )


def _is_coco(content: Any) -> bool:
    """Whether a file holds at least two of the lists: one that lacks the third is COCO with a fault."""
    return isinstance(content, dict) and sum(isinstance(content.get(name), list) for name in _LISTS) > 1


def _verify(path: Path, content: dict[str, Any]) -> None:
    for name in _LISTS:
        if not isinstance(content.get(name), list):
            raise BadInput(path, f"has no list {name!r}; COCO annotations have images, annotations and categories")


def _written_split(path: Path, files: Files) -> str:
    """The name that means the file's split: its own, else its folder's."""
    is_named_by_folder = path.parent != files.root and folder_split(path.parent.name)
    return path.parent.name if is_named_by_folder and not usual_split(path.stem) else path.stem


def _listed(found: Sequence[Path], files: Files) -> str:
    return ", ".join(files.short(path) for path in found)


def _items(path: Path, content: dict[str, Any], categories: dict[int, str], images: Images, split: str) -> list[Item]:
    by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in content["annotations"]:
        if annotation["category_id"] not in categories:
            raise BadInput(path, f"annotation {annotation.get('id')}: no category {annotation['category_id']}; add it")
        by_image[annotation["image_id"]].append(annotation)
    strays = by_image.keys() - {image["id"] for image in content["images"]}
    if strays:
        raise BadInput(path, f"annotations of images that are not listed: {sorted(strays)[:5]}; list or remove them")
    found = images.of_names([image["file_name"] for image in content["images"]], path, split)
    return [
        Item(str(image["id"]), file, _annotation(path, image, by_image[image["id"]], categories))
        for image, file in zip(content["images"], found, strict=True)
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
