"""Separates the usable rows of a file of detections from the unusable ones, which are counted by reason."""

import os
from dataclasses import dataclass

import numpy as np

from multibox.annotations.counting import some
from multibox.errors import BadInput
from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.reading.file_reading import Dropped
from multibox.evaluation.reading.hypotheses import Meaning
from multibox.evaluation.reading.numbering import NOT_EVALUATED, SEVERAL, UNKNOWN, Numbering
from multibox.evaluation.reading.result_rows import Rows

SCORE_ERROR = 5e-7
"""Largest distance of a score from [0, 1] that counts as a rounding error."""

MOST_DAMAGED = 0.1
"""Largest share of damaged rows. A file with more is refused."""


SHOWN = 8
"""Largest number of ids listed in a message."""

NO_IMAGE = "image_id is not an image of the dataset"


@dataclass(frozen=True)
class _Reason:
    """Why rows cannot be used. If too many cannot, the file is refused with the remedy. Without one, it never is."""

    words: str
    field: str
    rows: np.ndarray
    remedy: str
    most: float = MOST_DAMAGED


def usable_rows(
    path: str | os.PathLike[str], rows: Rows, meaning: Meaning, truth: Truth
) -> tuple[Found, tuple[Dropped, ...]]:
    """Convert the usable rows of a file to detections, and count the others by reason.

    Args:
        path: Path of the file of detections, for messages.
        rows: All rows of the file.
        meaning: Meaning of the ids and boxes in the rows.
        truth: Objects of the test set.

    Returns:
        Detections of the usable rows, image by image, and the dropped rows by reason.

    Raises:
        BadInput: Too many rows are damaged, or none can be used.
    """
    found = meaning.found(rows, truth.image_sizes)
    left = np.ones(len(rows), bool)
    dropped = []
    for reason in _reasons(rows, found, meaning):
        these = np.flatnonzero(left & reason.rows)
        if these.size:
            left[these] = False
            part = Dropped(reason.words, int(these.size), _example(rows, reason.field, int(these[0])))
            if reason.remedy and (these.size > reason.most * len(rows) or not left.any()):
                counted = f"{part.count} of {len(rows)} rows cannot be used"
                raise BadInput(path, f"{counted}: {part.reason}, for example {part.example}; {reason.remedy}")
            dropped.append(part)
    kept = np.flatnonzero(left)
    found = found.keep(kept[np.argsort(found.images[kept], kind="stable")])
    scores = np.clip(found.scores, 0, 1).astype(np.float32)
    return Found(found.images, found.labels, scores, found.boxes), tuple(dropped)


def _reasons(rows: Rows, found: Found, meaning: Meaning) -> list[_Reason]:
    """The reasons in the order in which they are checked."""
    low, high = -SCORE_ERROR, 1 + SCORE_ERROR
    with np.errstate(invalid="ignore"):
        negative = (found.boxes[:, 2] < found.boxes[:, 0]) | (found.boxes[:, 3] < found.boxes[:, 1])
        outside = (found.scores < low) | (found.scores > high)
    numbers = "write four finite numbers into each bbox and one into each score"
    image, category = (
        f"the dataset's ids are {_some_ids(numbering)}" for numbering in (meaning.images, meaning.classes)
    )
    form = f"set boxes if the numbers are not {meaning.boxes.meaning}"
    return [
        _Reason("the row has no image_id", "image_id", rows.images.codes < 0, "add it"),
        _Reason("the row has no category_id", "category_id", rows.categories.codes < 0, "add it"),
        _Reason("bbox is not four numbers below a billion", "bbox", np.isnan(rows.boxes[:, 0]), numbers),
        _Reason("score is not a number", "score", np.isnan(rows.scores), numbers),
        _Reason("score is not within 0 and 1", "score", outside, "scale the scores to the range 0 to 1"),
        _Reason("width or height is negative", "bbox", negative, form),
        _Reason(NO_IMAGE, "image_id", found.images == UNKNOWN, image, 1),
        _Reason("several images have that image_id", "image_id", found.images == SEVERAL, image, 1),
        _Reason("category_id is not a class of the dataset", "category_id", found.labels == UNKNOWN, category, 1),
        _Reason("the class is not evaluated", "category_id", found.labels == NOT_EVALUATED, ""),
    ]


def _some_ids(numbering: Numbering) -> str:
    ids = list(numbering.places)
    return some(ids, SHOWN) if ids else "none"


def _example(rows: Rows, field: str, row: int) -> str:
    if field in ("image_id", "category_id"):
        ids = rows.images if field == "image_id" else rows.categories
        value = ids.distinct[ids.codes[row]] if ids.codes[row] >= 0 else "missing"
    elif field == "score":
        value = f"{rows.scores[row]:g}"
    else:
        value = "[" + ", ".join(f"{number:g}" for number in rows.boxes[row]) + "]"
    return f"{field} {value} in row {row}"
