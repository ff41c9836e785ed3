"""Finds the columns of a Parquet file that hold images, boxes and classes, by their names and types."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

IMAGE = ("image", "img", "picture", "photo", "image_bytes", "bytes", "jpg", "jpeg", "png")
FILE = ("file_name", "filename", "image_path", "image_file", "path", "image", "img")
OBJECTS = ("objects", "annotations", "annotation", "instances", "labels", "label", "detections")
BOX = ("bbox", "bboxes", "boxes", "box", "bounding_box", "bounding_boxes")
CATEGORY = (
    *("category", "categories", "category_id", "category_ids", "category_name", "label", "labels"),
    *("class", "classes", "class_id", "class_ids", "class_label", "class_labels", "class_name", "name", "names"),
)
MORE = {
    "ids": ("id", "ids", "bbox_id", "annotation_id"),
    "area": ("area", "areas"),
    "crowd": ("iscrowd", "is_crowd", "crowd", "is_group_of"),
    "difficult": ("difficult", "is_difficult"),
    "truncated": ("truncated", "is_truncated"),
    "occluded": ("occluded", "is_occluded"),
}
"""Names that files give to further columns of objects, by Multibox's names."""

WIDTH, HEIGHT = ("width", "image_width"), ("height", "image_height")
IMAGE_ID = ("image_id", "img_id", "id")


@dataclass(frozen=True)
class Columns:
    """Names of the columns that are read from a file. A field of a struct is written as ``STRUCT.FIELD``.

    Attributes:
        bytes: Column of the images' bytes. Empty if there is none.
        file: Column of the images' file names. Empty if there is none.
        objects: Column of the objects: a struct of lists or a list of structs. Empty if boxes and classes are columns
            of their own.
        box: Name of the field of the boxes within ``objects``, or of their column if ``objects`` is empty.
        category: Name of the field of the classes within ``objects``, or of their column if ``objects`` is empty. Empty
            if there are no classes.
        more: Names of further columns of the objects, by Multibox's names.
        width: Column of the images' widths. Empty if there is none.
        height: Column of the images' heights. Empty if there is none.
        image_id: Column of the images' ids. Empty if there is none.
    """

    bytes: str
    file: str
    objects: str
    box: str
    category: str
    more: dict[str, str] = field(default_factory=dict)
    width: str = ""
    height: str = ""
    image_id: str = ""

    def without_images(self) -> list[str]:
        """The names of all columns except the one with the images' bytes."""
        lists = [self.objects] if self.objects else [self.box, self.category, *self.more.values()]
        return [name for name in dict.fromkeys([self.file, *lists, self.width, self.height, self.image_id]) if name]


def find_columns(schema: Any) -> Columns | None:
    """Find the columns of images, boxes and classes in a file.

    Args:
        schema: Arrow schema of the file: name and type of each column.

    Returns:
        The names of the columns. None if there are no images or no boxes.
    """
    from pyarrow import types

    fields = {each.name: each.type for each in schema}
    image, file = _image(fields, types)
    found = next(_objects(fields, types), None)
    if found is None or not (image or file):
        return None
    objects, names = found
    taken = [] if objects else [image, file]
    left = [name for name in names if name not in taken]
    box = _named(left, BOX)
    more = {ours: name for ours, called in MORE.items() if objects and (name := _named(left, called))}
    numbers = [name for name, kind in fields.items() if types.is_integer(kind) or types.is_floating(kind)]
    ids = [name for name, kind in fields.items() if types.is_integer(kind) or _is_text(kind, types)]
    return Columns(
        image,
        file,
        objects,
        box,
        _named([name for name in left if name != box], CATEGORY),
        more,
        _named(numbers, WIDTH),
        _named(numbers, HEIGHT),
        _named(ids, IMAGE_ID),
    )


def _image(fields: dict[str, Any], types: Any) -> tuple[str, str]:
    """The columns of the images' bytes and file names. Empty where there is none."""
    structures = [name for name, kind in fields.items() if types.is_struct(kind) and _has_bytes(kind, types)]
    plain = [name for name, kind in fields.items() if _is_bytes(kind, types)]
    texts = [name for name, kind in fields.items() if _is_text(kind, types)]
    file = _named(texts, FILE)
    structure = _named(structures, IMAGE) or (structures[0] if structures else "")
    if structure:
        inner = [each.name for each in fields[structure]]
        return f"{structure}.bytes", f"{structure}.path" if "path" in inner else file
    return _named(plain, IMAGE), file


def _objects(fields: dict[str, Any], types: Any) -> Iterator[tuple[str, list[str]]]:
    """The columns that hold boxes, the likeliest first, and the names in each. An empty name: the file's own lists."""
    is_list = _is_list(types)
    order = sorted(fields, key=lambda name: OBJECTS.index(name.lower()) if name.lower() in OBJECTS else len(OBJECTS))
    for name in order:
        kind = fields[name]
        depth, inner = (1, kind.value_type) if is_list(kind) else (2, kind)
        if types.is_struct(inner):
            boxes = [each.name for each in inner if _depth(each.type, types) == depth]
            if _named(boxes, BOX):
                yield name, [each.name for each in inner if each.name in boxes or each.name.lower() not in BOX]
    lists = [name for name, kind in fields.items() if is_list(kind)]
    if _named([name for name in lists if _depth(fields[name], types) == 2], BOX):
        yield "", lists


def _depth(kind: Any, types: Any) -> int:
    """How many lists are around a number. 0 if something else is in them, or no list is around."""
    depth = 0
    while _is_list(types)(kind):
        depth, kind = depth + 1, kind.value_type
    return depth if types.is_integer(kind) or types.is_floating(kind) else 0


def _is_list(types: Any) -> Callable[[Any], bool]:
    return lambda kind: types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _has_bytes(kind: Any, types: Any) -> bool:
    """Whether a structure is an image's. Where no image is in the file, its bytes may have no type."""
    return any(each.name == "bytes" and (_is_bytes(each.type, types) or types.is_null(each.type)) for each in kind)


def _is_bytes(kind: Any, types: Any) -> bool:
    return types.is_binary(kind) or types.is_large_binary(kind)


def _is_text(kind: Any, types: Any) -> bool:
    return types.is_string(kind) or types.is_large_string(kind)


def _named(names: Sequence[str], wanted: Sequence[str]) -> str:
    """The name that stands first among the wanted ones, in any case. Empty if there is none."""
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in wanted if name in by_lower), "")
