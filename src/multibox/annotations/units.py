"""Corrects coordinates in the wrong unit.

These are fractions in a format that has pixels, and pixels in a format that has fractions.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from multibox.annotations.annotation import Annotation, Item, Part
from multibox.annotations.counting import counted, some

MOST = 0.9
"""Share of the boxes that must look wrong before their unit is changed. Fewer count as single faulty boxes."""


def in_right_unit(part: Part) -> Part:
    """Correct the unit of boxes to the one that their values show, and note it if it is not the format's own."""
    annotations = [item.annotation for items in part.splits.values() for item in items if _has_boxes(item)]
    absolute = [each for each in annotations if isinstance(each, Annotation) and not each.relative]
    relative = [each for each in annotations if isinstance(each, Annotation) and each.relative]
    if absolute and all(_within_one(each.boxes) for each in absolute):
        note = "all coordinates lie between 0 and 1 and were read as fractions of the image"
        return _changed(part, relative=True, note=note)
    if relative and _share(relative) >= MOST:
        note = "coordinates are far above 1 and were read as pixels, not as fractions of the image"
        return _changed(part, relative=False, note=note)
    odd = [each.file for each in absolute if _within_one(each.boxes)]
    if odd:
        have = counted(len(odd), "image has", "images have")
        note = f"{have} only coordinates between 0 and 1, which were read as pixels ({some(odd, 1)})"
        return replace(part, notes=(*part.notes, note))
    return part


def _has_boxes(item: Item) -> bool:
    return isinstance(item.annotation, Annotation) and len(item.annotation.boxes) > 0


def _within_one(boxes: np.ndarray) -> bool:
    return bool(np.isfinite(boxes).any() and ((boxes >= -0.01) & (boxes <= 1.01) | ~np.isfinite(boxes)).all())


def _share(annotations: Sequence[Annotation]) -> float:
    """The share of boxes that are many times as large as their image."""
    boxes = np.concatenate([each.boxes for each in annotations])
    return float((np.abs(boxes).max(axis=1) > 2).mean())


def _changed(part: Part, *, relative: bool, note: str) -> Part:
    splits = {split: [_with_unit(item, relative) for item in items] for split, items in part.splits.items()}
    return replace(part, splits=splits, notes=(*part.notes, note))


def _with_unit(item: Item, relative: bool) -> Item:
    if not isinstance(item.annotation, Annotation):
        return item
    columns = {name: values for name, values in item.annotation.columns.items() if name != "area"}
    return replace(item, annotation=replace(item.annotation, relative=relative, columns=columns))
