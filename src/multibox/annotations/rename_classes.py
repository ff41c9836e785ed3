"""Give classes other names, which joins those that get one name."""

from collections.abc import Mapping
from dataclasses import replace

from multibox.annotations.annotation import Annotation, Item, Part


def rename_classes(part: Part, rename: Mapping[str, str]) -> Part:
    """A part whose classes have other names. Several may get one name, which makes them one class.

    Args:
        part: What a reader made of one folder or file.
        rename: New name of each class that gets one.

    Returns:
        The same with new names. A class of several has the place of the first, and the category id of that whose name
        it keeps.
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
