"""Renames classes. Classes that get the same name become one class."""

from collections.abc import Mapping
from dataclasses import replace

from multibox.annotations.annotation import Annotation, Item, Part


def rename_classes(part: Part, rename: Mapping[str, str]) -> Part:
    """Rename classes in the images read from one folder or file. Classes that get the same name become one class.

    Args:
        part: Annotated images that were read from one folder or file.
        rename: New name of each class to rename, by its old name.

    Returns:
        The same images with new class names. A merged class takes the position of the first of its classes, and the
        category id of the class whose name it has.
    """
    if not rename:
        return part
    numbers: dict[str, int] = {}
    for name, number in zip(part.classes, part.category_ids or range(len(part.classes)), strict=True):
        new = rename.get(name, name)
        numbers[new] = number if new == name else numbers.get(new, number)
    return replace(
        part,
        splits={split: [_renamed(item, rename) for item in items] for split, items in part.splits.items()},
        classes=tuple(numbers),
        category_ids=tuple(numbers.values()) if part.category_ids else (),
    )


def _renamed(item: Item, rename: Mapping[str, str]) -> Item:
    if not isinstance(item.annotation, Annotation):
        return item
    names = tuple(rename.get(name, name) for name in item.annotation.names)
    return replace(item, annotation=replace(item.annotation, names=names))
