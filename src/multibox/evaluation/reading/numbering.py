"""The possible meanings, in a dataset, of the image ids and class ids in a file of detections."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from multibox.errors import BadInput
from multibox.evaluation.reading.listing import Listing
from multibox.evaluation.reading.result_rows import Ids
from multibox.importers.class_lists import COCO, COCO_COLUMNS

UNKNOWN, SEVERAL, NOT_EVALUATED = -1, -2, -3
"""Positions that stand for: an unknown id, an id of several images, and a class that is not evaluated."""

DATA, LISTED = "data", "listed"


@dataclass(frozen=True)
class Numbering:
    """A possible meaning of the image ids or class ids in a file of detections.

    Attributes:
        name: Value of ``image_ids`` or ``category_ids`` that selects this meaning, such as ``from-0``.
        meaning: Description of what an id stands for, such as ``the name of the class``.
        places: Position of the image in the test set, or of the class among the evaluated classes, by id as text.
            Negative for an id without an image or class.
        is_a_count: Whether ids are positions, small numbers that may match by accident.
    """

    name: str
    meaning: str
    places: Mapping[str, int]
    is_a_count: bool = False

    def of(self, ids: Ids) -> np.ndarray:
        """``(D,)`` int64 position of each row's image or class. Negative for a row without one."""
        return np.array([*(self.places.get(name, UNKNOWN) for name in ids.distinct), UNKNOWN], np.int64)[ids.codes]


def image_numberings(ids: Sequence[int | str], names: Sequence[Sequence[str]]) -> list[Numbering]:
    """List the possible meanings of image ids.

    Args:
        ids: Id of each image as COCO files of the dataset have it.
        names: File names of each image, possibly with folders. An image may have several names or none.

    Returns:
        Meanings that ``image_id`` can have, with the dataset's own ids first.
    """
    by_name = sorted(range(len(ids)), key=lambda i: str(PurePosixPath(names[i][0])) if names[i] else str(ids[i]))
    spelled = [{form for name in of_image for form in _forms(name)} for of_image in names]
    numbers = [{str(int(digits[0])) for form in forms if (digits := re.search(r"[0-9]+$", form))} for forms in spelled]
    return [
        Numbering(DATA, "the dataset's id of the image", {str(name): i for i, name in enumerate(ids)}),
        Numbering("names", "the name of the image file", _shared(spelled)),
        Numbering("numbers", "the number in the name of the image file", _shared(numbers)),
        *_counted("the position of the image in the dataset", range(len(ids)), "from"),
        *_counted("the position of the image in order of file names", by_name, "sorted-from"),
    ]


def class_numberings(numbers: Mapping[str, int], evaluated: Sequence[str]) -> list[Numbering]:
    """List the possible meanings of class ids.

    Args:
        numbers: Number of each class as COCO files of the dataset have it, by class name.
        evaluated: Names of the evaluated classes.

    Returns:
        Meanings that ``category_id`` can have, with the dataset's own class numbers first.
    """
    place = {name: i for i, name in enumerate(evaluated)}
    places = {name: place.get(name, NOT_EVALUATED) for name in numbers}
    coco = [
        (k, number, places[name])
        for k, (number, name) in enumerate(zip(COCO_COLUMNS[1:], COCO, strict=True))
        if name in places
    ]
    by_number = {str(number): at for _, number, at in coco}
    by_column = {str(k): at for k, _, at in coco}
    return [
        Numbering(DATA, "the dataset's number of the class", {str(numbers[name]): places[name] for name in numbers}),
        Numbering("names", "the name of the class", places),
        Numbering("coco-91", "COCO's number of the class, 1 to 90", by_number, True),
        Numbering("coco-80", "the position among COCO's 80 classes, from 0", by_column, True),
        *_counted("the position of the class in the dataset", [places[name] for name in numbers], "from"),
    ]


def listed(listing: Listing, images: Sequence[Numbering], classes: Sequence[Numbering]) -> tuple[Numbering, Numbering]:
    """The meanings of ids that a list of images and classes defines.

    Args:
        listing: List of images and classes beside the file of detections.
        images: Meanings that ``image_id`` can have, one of them called ``names``.
        classes: Meanings that ``category_id`` can have, one of them called ``names``.

    Returns:
        Meaning of ``image_id`` and meaning of ``category_id`` according to the list. An image that the dataset lacks
        has the position ``UNKNOWN``, and a class that it lacks ``NOT_EVALUATED``. If the names of several listed images
        match one image of the dataset, the one with the most folders in common is taken.
    """
    files, names = ({n.name: n.places for n in numberings}["names"] for numberings in (images, classes))
    places = _places_of_files(listing.images, files)
    of_classes = {number: names.get(name, NOT_EVALUATED) for number, name in listing.classes.items()}
    return (
        Numbering(LISTED, f"the id of the image in {listing.name}", places),
        Numbering(LISTED, f"the number of the class in {listing.name}", of_classes),
    )


def _places_of_files(listed_names: Mapping[str, str], files: Mapping[str, int]) -> dict[str, int]:
    """Position of each listed image, by its id."""
    fits = {i: next((form for form in _forms(name) if form in files), "") for i, name in listed_names.items()}
    claims: dict[int, dict[int, set[str]]] = {}
    for i, form in fits.items():
        claims.setdefault(files.get(form, UNKNOWN), {}).setdefault(form.count("/"), set()).add(listed_names[i])
    winners = {place: by_depth[max(by_depth)] for place, by_depth in claims.items()}
    return {
        i: place if (place := files.get(form, UNKNOWN)) < 0 or winners[place] == {listed_names[i]} else UNKNOWN
        for i, form in fits.items()
    }


def renumbered(names: Mapping[str, str], numbers: Iterable[str], evaluated: Sequence[str]) -> Numbering:
    """A meaning of class ids from a list that names the class of each number.

    Args:
        names: Class name of each number, by the number as text.
        numbers: Names of all classes of the dataset.
        evaluated: Names of the evaluated classes.
    """
    known = dict.fromkeys(numbers)
    place = {name: i for i, name in enumerate(evaluated)}
    text = ",".join(f"{number}={name}" for number, name in names.items())
    for name in names.values():
        if name not in known:
            raise BadInput(
                "category_ids", f"{text}: the dataset has no class {name!r}; its classes are {', '.join(known)}"
            )
    return Numbering(text, f"numbered as {text}", {n: place.get(name, NOT_EVALUATED) for n, name in names.items()})


def parse_renumbering(text: str, numbers: Iterable[str], evaluated: Sequence[str]) -> Numbering:
    """Parse a list of class numbers such as ``0=cat,1=dog``.

    Raises:
        BadInput: The text is not a list such as ``0=cat,1=dog``, or names a class that the dataset does not have.
    """
    pairs = [pair.partition("=") for pair in text.split(",")]
    if any(not (number.strip() and name.strip()) for number, _, name in pairs):
        raise BadInput("category_ids", f"{text!r} has a part that is not NUMBER=CLASS; write for example 0=cat,1=dog")
    return renumbered({number.strip(): name.strip() for number, _, name in pairs}, numbers, evaluated)


def _counted(meaning: str, places: Sequence[int], prefix: str) -> list[Numbering]:
    return [
        Numbering(
            f"{prefix}-{first}", f"{meaning}, from {first}", {str(i): p for i, p in enumerate(places, first)}, True
        )
        for first in (0, 1)
    ]


def _forms(name: str) -> list[str]:
    """A file's name as programs write it: with all or some of its folders or none, each also without the suffix."""
    path = PurePosixPath(name.replace("\\", "/"))
    ends = [PurePosixPath(*path.parts[i:]) for i in range(len(path.parts))]
    return [str(form) for end in ends for form in ((end, end.with_suffix("")) if end.name else (end,))]


def _shared(names: Sequence[Iterable[str]]) -> dict[str, int]:
    """Position by name, ``SEVERAL`` for a name of several images."""
    places: dict[str, int] = {}
    for i, of_image in enumerate(names):
        for name in of_image:
            places[name] = i if places.get(name, i) == i else SEVERAL
    return places
