"""Chooses what the ids and boxes in a file of detections mean, and refuses a meaning that the objects contradict."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multibox.errors import BadInput
from multibox.evaluation.columns import Truth
from multibox.evaluation.reading.hypotheses import Better, Meaning, are_fractions, better_meaning
from multibox.evaluation.reading.numbering import DATA, LISTED, UNKNOWN, Numbering
from multibox.evaluation.reading.result_rows import Ids, Rows


@dataclass(frozen=True)
class ReadAs:
    """How to read a file of detections. For a field that is None, the meaning is found from the file and the dataset.

    Attributes:
        image_ids: Meaning of ``image_id``: ``data``, ``names``, ``numbers``, ``from-0``, ``from-1``, ``sorted-from-0``,
            ``sorted-from-1``, or ``listed`` if a list of images lies beside the file. None chooses a meaning that fits.
        category_ids: Meaning of ``category_id``: ``data``, ``names``, ``coco-91``, ``coco-80``, ``from-0``, ``from-1``,
            ``listed``, or a list such as ``0=cat,1=dog``. None chooses a meaning that fits.
        boxes: Form of ``bbox``, such as ``corners,fractions``. None means ``xywh``. See
            :func:`.box_form.parse_box_form`.
    """

    image_ids: str | None = None
    category_ids: str | None = None
    boxes: str | None = None


AS_WRITTEN = ReadAs()

PARAMETERS = {"image_id": "image_ids", "category_id": "category_ids", "bbox": "boxes"}


def choose_numbering(field: str, numberings: Sequence[Numbering], ids: Ids, given: str | None) -> Numbering:
    """Choose the meaning of a file's image ids or class ids by the ids alone.

    A list of ids beside the file comes first, if it has all ids of the file. Next are the dataset's own ids, if any row
    matches one, or file names, if they agree with those ids and match more rows. Positions (``from-0``, ``from-1``) are
    taken only if they match all rows and names do not.

    Args:
        field: Field of the file that holds the ids: ``image_id`` or ``category_id``.
        numberings: Meanings that the ids can have, with the dataset's own ids first.
        ids: Ids in the file of detections, row by row.
        given: Name of the meaning that the user chose, such as ``from-0``. None chooses by the ids.

    Returns:
        The chosen meaning of the ids.

    Raises:
        BadInput: None of the meanings has the name ``given``.
    """
    if given is not None:
        chosen = next((numbering for numbering in numberings if numbering.name == given), None)
        if chosen is None:
            names = ", ".join(numbering.name for numbering in numberings)
            raise BadInput(PARAMETERS[field], f"{given!r} is not a meaning of {field}; choose {names}")
        return chosen
    own = numberings[0].of(ids)
    for numbering in numberings:
        if numbering.name == LISTED and ids.distinct and all(name in numbering.places for name in ids.distinct):
            return numberings[0] if (numbering.of(ids) == own).all() else numbering

    def merit(numbering: Numbering) -> tuple[bool, int]:
        places = numbering.of(ids)
        placed = places != UNKNOWN
        if (numbering.is_a_count and (own != UNKNOWN).any()) or not (places == own)[own != UNKNOWN].all():
            return False, 0
        return bool(placed.all()), 0 if numbering.is_a_count and not placed.all() else int(placed.sum())

    return max(numberings, key=merit)


def compare_meanings(
    path: str | os.PathLike[str],
    meaning: Meaning,
    rows: Rows,
    truth: Truth,
    images: Sequence[Numbering],
    classes: Sequence[Numbering],
    read_as: ReadAs,
) -> list[str]:
    """Compare the chosen meaning of a file's ids and boxes with other meanings, on the objects of the test set.

    Args:
        path: Path of the file of detections, for messages.
        meaning: Chosen meaning of the file's ids and boxes.
        rows: Rows of the file of detections.
        truth: Objects of the test set.
        images: Meanings of ``image_id`` to compare with.
        classes: Meanings of ``category_id`` to compare with.
        read_as: Meanings that the user gave. None where the user gave none.

    Returns:
        Sentences about meanings that the user gave but the test set's objects contradict.

    Raises:
        BadInput: The test set's objects contradict a meaning that the user did not give.
    """
    rows = rows.keep(np.isfinite(rows.boxes).all(axis=1) & np.isfinite(rows.scores))
    better = better_meaning(meaning, rows, truth, images, classes)
    if better is not None:
        return [_contradiction(path, meaning, better, read_as)]
    if not meaning.boxes.unit and are_fractions(rows.boxes):
        what = "all numbers of the boxes are within 0 and 1, so they are fractions of the image and not pixels"
        if read_as.boxes is None:
            kinds = 'boxes="xywh,fractions", boxes="corners,fractions" or boxes="center,fractions"'
            raise BadInput(path, f"{what}; set {kinds}")
        return [what]
    return []


def guesses(meaning: Meaning, read_as: ReadAs, ids: Ids) -> list[str]:
    """Sentences that tell the user which meanings of ids were guessed.

    Args:
        meaning: Meaning of the file's ids that was chosen.
        read_as: Meanings that the user gave. A field is None if the user gave none.
        ids: Ids of images in the file.
    """
    notes = []
    chosen = (("image_id", meaning.images, read_as.image_ids), ("category_id", meaning.classes, read_as.category_ids))
    for field, numbering, given in chosen:
        if given is None and numbering.name != DATA:
            notes.append(f'{field} is read as {numbering.meaning}, as with {PARAMETERS[field]}="{numbering.name}"')
    if meaning.images.name == DATA:
        numbers = Counter(str(int(name)) for name in meaning.images.places if name.isdecimal())
        shared = [name for name in ids.distinct if numbers[name] > 1 and name in meaning.images.places]
        if shared:
            notes.append(
                f"several file names have the number {shared[0]}; rows with this id are assigned to the image "
                "whose own id it is"
            )
    return notes


def _contradiction(path: str | os.PathLike[str], meaning: Meaning, better: Better, read_as: ReadAs) -> str:
    """What the objects say against a meaning. An error if the user did not choose all of it."""
    other = better.meaning
    changes = [
        (field, words, now, then, given)
        for field, words, now, then, given in (
            ("image_id", other.images.meaning, meaning.images.name, other.images.name, read_as.image_ids),
            ("category_id", other.classes.meaning, meaning.classes.name, other.classes.name, read_as.category_ids),
            ("bbox", other.boxes.meaning, str(meaning.boxes), str(other.boxes), read_as.boxes),
        )
        if now != then
    ]
    what = ", and ".join(f"{field} seems to be {words}" for field, words, *_ in changes)
    what += f": then the mean IoU of detections with objects is {better.fit:.2f} instead of {better.before:.2f}"
    so = " ".join(f'{PARAMETERS[field]}="{then}"' for field, _, _, then, _ in changes)
    if all(given is not None for *_, given in changes):
        return f"{what}; to read it that way, set {so}"
    kept = " ".join(f'{PARAMETERS[field]}="{now}"' for field, _, now, _, given in changes)
    raise BadInput(path, f"{what}; set {so} to read it that way, or {kept} to keep the meaning that does not fit")
