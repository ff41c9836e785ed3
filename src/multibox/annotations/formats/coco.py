"""COCO JSON: one file per split, with ``images``, ``annotations`` and ``categories``.

Segmentations and key points are dropped, but the area of a segmentation is kept.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from multibox.annotations.annotation import UNSPLIT, Annotation, Item, Options, Part
from multibox.annotations.bounds import number, size_of
from multibox.annotations.counting import counted
from multibox.annotations.drawn import fields, is_set
from multibox.annotations.files import Files
from multibox.annotations.formats.coco_boxes import corners_of
from multibox.annotations.formats.coco_classes import Category, unite
from multibox.annotations.formats.coco_entries import LISTS, category_names, id_of, image_name, verify
from multibox.annotations.images import Images
from multibox.annotations.same_ids import told_apart
from multibox.annotations.splits import map_files, renamed, written_splits
from multibox.errors import BadInput

NAME = "coco"
TITLE = "COCO JSON"

_OTHER_TASKS = ("captions_", "person_keypoints_", "image_info_", "panoptic_", "stuff_")
"""How COCO's own files for other tasks begin. They describe the images of its ``instances_`` files again."""


def find(files: Files) -> list[Path]:
    """Find the JSON files that hold the lists ``images``, ``annotations`` and ``categories``."""
    found = files.json_where(is_its)
    return [path for path in found if not path.name.startswith(_OTHER_TASKS)] or found


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read the COCO files of a dataset.

    Args:
        files: Files of the dataset.
        found: Paths of the COCO files. The name of each file (``instances_val2017.json``) or of its folder gives its
            split. A single file without a split in its name is divided at random later.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images by split, with the image ids of the files, and the classes in the order of their category
        ids.

    Raises:
        BadInput: A file is not valid COCO, or an annotation refers to an image or category that the file does not list.
    """
    images = Images(files, options.images)
    names = written_splits({path: _names(files.json(path)) for path in found}, files.root)
    split_of = map_files(names.values())
    read_files = [_read_file(path, files.json(path), images, split_of[names[path]]) for path in found]
    by_split: dict[str, dict[Path, list[Item]]] = defaultdict(dict)
    for path, (_, items) in zip(found, read_files, strict=True):
        by_split[split_of[names[path]]][path] = items
    apart = {split: told_apart(by_file, files.root) for split, by_file in by_split.items()}
    splits = {split: items for split, (items, _) in apart.items()}
    in_order = sorted(zip(found, read_files, strict=True), key=lambda pair: _order(split_of[names[pair[0]]]))
    classes = unite([categories for _, (categories, _) in in_order])
    return Part(
        found[0] if files.path.is_file() else files.root,
        splits,
        classes.names,
        classes.ids,
        files=tuple(found),
        splits_from="" if set(splits) == {UNSPLIT} else f"the names of the files {_listed(found, files)}",
        classes_from="the category ids",
        notes=(
            *classes.notes,
            *_box_notes(splits),
            *(note for _, note in apart.values() if note),
            *renamed(names.values()),
        ),
    )


def _names(content: dict[str, Any]) -> list[str]:
    """Names of the images that a file lists. Empty if it has no list."""
    images = content.get("images")
    return [image_name(fields(image)) for image in images] if isinstance(images, list) else []


def _read_file(path: Path, content: dict[str, Any], images: Images, split: str) -> tuple[list[Category], list[Item]]:
    """The categories and the items of one file."""
    verify(path, content)
    names = category_names(path, content["categories"])
    used = Counter(id_of(annotation["category_id"]) for annotation in content["annotations"])
    categories = [
        Category(int(each["id"]), str(each["name"]), str(each.get("supercategory") or ""), used[id_of(each["id"])])
        for each in content["categories"]
    ]
    return categories, _items(path, content, names, images, split)


def _order(split: str) -> tuple[bool, bool]:
    """Sort key of the files: that of the training split first, whose classes come first."""
    return split != "train", split != "trainval"


def _box_notes(splits: Mapping[str, Sequence[Item]]) -> tuple[str, ...]:
    found = (item.annotation for items in splits.values() for item in items)
    count = sum(each.extra.get(FROM_SEGMENTS, 0) for each in found if isinstance(each, Annotation))
    return (
        (
            counted(
                count,
                "annotation has no bbox; the bounding box of its segmentation was used",
                "annotations have no bbox; the bounding boxes of their segmentations were used",
            ),
        )
        if count
        else ()
    )


def is_its(content: Any) -> bool:
    """Whether a JSON file is COCO: it holds at least two of the three lists. A file that lacks one is faulty COCO."""
    return isinstance(content, dict) and sum(isinstance(content.get(name), list) for name in LISTS) > 1


def _listed(found: Sequence[Path], files: Files) -> str:
    return ", ".join(files.short(path) for path in found)


def _items(
    path: Path, content: dict[str, Any], categories: Mapping[Any, str], images: Images, split: str
) -> list[Item]:
    by_image: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for annotation in content["annotations"]:
        if id_of(annotation["category_id"]) not in categories:
            raise BadInput(
                path,
                f"annotation {annotation.get('id')}: category {annotation['category_id']} is not listed; add it to "
                "categories",
            )
        by_image[_image_id(annotation["image_id"])].append(annotation)
    strays = by_image.keys() - {_image_id(image["id"]) for image in content["images"]}
    if strays:
        raise BadInput(
            path, f"annotations of images that are not listed: {', '.join(sorted(strays)[:5])}; list or remove them"
        )
    found = images.of_names([image_name(image) for image in content["images"]], path, split)
    return [
        Item(str(image["id"]), file, _annotation(path, image, by_image[_image_id(image["id"])], categories))
        for image, file in zip(content["images"], found, strict=True)
    ]


def _image_id(value: float | str) -> str:
    """The id of an image as text. Zeros in front of a text count: ``"007"`` is not 7."""
    return value if isinstance(value, str) else str(id_of(value))


def _annotation(
    file: Path, image: dict[str, Any], found: list[dict[str, Any]], categories: Mapping[Any, str]
) -> Annotation:
    corners, from_segments = zip(*map(corners_of, found), strict=True) if found else ((), ())
    boxes = np.array(corners, np.float64).reshape(-1, 4)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    extra = {"file_name": image_name(image)} | ({FROM_SEGMENTS: sum(from_segments)} if any(from_segments) else {})
    return Annotation(
        f"{file}, image {image['id']} ({image_name(image)})",
        tuple(categories[id_of(annotation["category_id"])] for annotation in found),
        boxes,
        size=size_of(image.get("width"), image.get("height")),
        columns={
            "crowd": [is_set(annotation.get("iscrowd")) for annotation in found],
            "area": [_area(annotation, area) for annotation, area in zip(found, areas, strict=True)],
            "ids": [str(annotation.get("id", i)) for i, annotation in enumerate(found)],
        },
        extra=extra,
    )


def _area(annotation: dict[str, Any], of_box: float) -> float:
    """The area that an annotation gives, else that of its box."""
    area = number(annotation.get("area"))
    return area if isfinite(area) else of_box


FROM_SEGMENTS = "boxes_from_segments"
"""Key in an image's extra values: the number of its boxes that were computed from segmentations."""
