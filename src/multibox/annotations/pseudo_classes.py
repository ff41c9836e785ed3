"""Drops names that are not classes from lists of classes.

The dropped names are labelme's ``__ignore__`` and ``_background_``, and ``background``.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from multibox.annotations.annotation import Annotation, Item, Part
from multibox.annotations.class_lists import BACKGROUND
from multibox.annotations.counting import counted

IGNORE = "__ignore__"
"""labelme's label for regions that are neither object nor background. labelme's own converters leave them out."""

PSEUDO = (IGNORE, "_background_")


def without_pseudo_classes(part: Part, given: Sequence[str] = ()) -> Part:
    """Drop labelme's ignored objects, and declared names without objects that are not classes.

    Such names are labelme's :data:`PSEUDO` at any position, and ``background`` at the first.

    Args:
        part: Annotated images that were read from one folder or file.
        given: Class names that the user gave. They are always kept as classes.

    Returns:
        The images and classes that are left, with a note about what was dropped.
    """
    counts = Counter(
        name
        for items in part.splits.values()
        for item in items
        if isinstance(item.annotation, Annotation)
        for name in item.annotation.names
    )
    notes = []
    if counts[IGNORE] and IGNORE not in given:
        part = replace(
            part, splits={split: [_without_ignored(item) for item in items] for split, items in part.splits.items()}
        )
        notes.append(f"{counted(counts[IGNORE], 'object')} with the name {IGNORE} left out, as labelme does")
    empty = [
        name
        for position, name in enumerate(part.classes)
        if name == IGNORE or (not counts[name] and (name in PSEUDO or (position == 0 and name == BACKGROUND)))
    ]
    if empty and not given:
        kept = [position for position, name in enumerate(part.classes) if name not in empty]
        part = replace(
            part,
            classes=tuple(part.classes[position] for position in kept),
            category_ids=tuple(part.category_ids[position] for position in kept) if part.category_ids else (),
        )
        notes.append(f"{' and '.join(empty)} in the list of classes left out, as no object has this class")
    return replace(part, notes=(*part.notes, *notes))


def _without_ignored(item: Item) -> Item:
    found = item.annotation
    if not isinstance(found, Annotation) or IGNORE not in found.names:
        return item
    kept = [number for number, name in enumerate(found.names) if name != IGNORE]
    annotation = replace(
        found,
        names=tuple(found.names[number] for number in kept),
        boxes=found.boxes[np.array(kept, np.int64)],
        columns={name: [values[number] for number in kept] for name, values in found.columns.items()},
    )
    return replace(item, annotation=annotation)
