"""Reads detections in COCO's results format from any tool, and reports what was guessed or dropped.

If ids match names of images or classes, they are read as these names. A meaning that only the objects' positions
suggest is never assumed: the file is refused, and the message says which parameter selects that meaning.
"""

import os

import numpy as np

from multibox.evaluation.coco import LIMITS
from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.pairs import areas, paired_overlap
from multibox.evaluation.reading.box_form import parse_box_form
from multibox.evaluation.reading.choosing import AS_WRITTEN, ReadAs, choose_numbering, compare_meanings, guesses
from multibox.evaluation.reading.file_reading import FileReading
from multibox.evaluation.reading.hypotheses import Meaning
from multibox.evaluation.reading.listing import listing_of
from multibox.evaluation.reading.numbering import class_numberings, image_numberings, listed, parse_renumbering
from multibox.evaluation.reading.result_rows import read_rows
from multibox.evaluation.reading.usable import usable_rows
from multibox.evaluation.test_set import TestSet

OUTSIDE, MANY_OUTSIDE = 0.5, 0.2
"""A box counts as outside if at least the first share of it lies outside its image. A warning follows if at least the
second share of all boxes is outside."""


def read_results(path: str | os.PathLike[str], test_set: TestSet, read_as: ReadAs = AS_WRITTEN) -> FileReading:
    """Read a file of detections.

    Args:
        path: Path of the JSON file.
        test_set: Images of the test set and their objects.
        read_as: Meanings of ``image_id``, ``category_id`` and ``bbox`` that the user gave. None where the user gave
            none.

    Returns:
        The detections of the evaluated classes, and the counts of rows that were dropped.

    Raises:
        BadInput: The file cannot be read or does not hold detections. Also if no row has an image and a class of the
            dataset, too many rows have unusable numbers, or the detections overlap the objects clearly better with
            another meaning of the ids and boxes.
    """
    rows = read_rows(path)
    truth, numbers = test_set.truth, test_set.category_numbers
    images = image_numberings(test_set.image_ids, test_set.image_names)
    classes = class_numberings(numbers, truth.classes)
    if (listing := listing_of(path)) is not None:
        of_images, of_classes = listed(listing, images, classes)
        images, classes = [*images, of_images], [*classes, of_classes]
    form = parse_box_form(read_as.boxes or "xywh")
    if read_as.category_ids and "=" in read_as.category_ids:
        named = parse_renumbering(read_as.category_ids, numbers, truth.classes)
    else:
        named = choose_numbering("category_id", classes, rows.categories, read_as.category_ids)
    placed = choose_numbering("image_id", images, rows.images, read_as.image_ids)
    meaning = Meaning(placed, named, form)
    contradictions = compare_meanings(path, meaning, rows, truth, images, classes, read_as)
    found, dropped = usable_rows(path, rows, meaning, truth)
    return FileReading(
        path=str(path),
        found=found,
        rows=len(rows),
        image_ids=placed.name,
        category_ids=named.name,
        boxes=str(form),
        dropped=dropped,
        guesses=tuple(guesses(meaning, read_as, rows.images)),
        doubts=(*contradictions, *doubts(found, truth)),
    )


def doubts(found: Found, truth: Truth) -> list[str]:
    """Sentences about detections that look wrong but were read."""
    if not len(found):
        return ["has no detections, so the metrics are those of a detector that finds nothing"]
    sides = truth.image_sizes[found.images].astype(np.float64)
    area = areas(found.boxes)
    inside = paired_overlap(found.boxes, np.concatenate([np.zeros_like(sides), sides], axis=1))
    outside = int((inside < (1 - OUTSIDE) * area).sum())
    notes = []
    if outside > MANY_OUTSIDE * len(found):
        notes.append(
            f"{outside} of {len(found)} boxes lie mostly outside their image; "
            "boxes must be in pixels of the upright image in its full size"
        )
    groups = found.images * len(truth.classes) + found.labels
    beyond = int(np.maximum(np.unique(groups, return_counts=True)[1] - LIMITS[-1], 0).sum())
    if beyond:
        notes.append(
            f"{beyond} detections exceed the limit of {LIMITS[-1]} per class and image; COCO's metrics ignore them"
        )
    return notes
