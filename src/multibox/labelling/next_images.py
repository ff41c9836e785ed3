"""Chooses the unlabelled images that teach a detector most, and says why."""

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from multibox.annotations.counting import counted, some
from multibox.data.look_alikes import Looks, stack_looks
from multibox.data.open import open_stores
from multibox.data.store import Store
from multibox.detect.in_threads import in_threads
from multibox.errors import BadInput
from multibox.labelling.choose import Choice, choose, is_unlabelled, nearest_distances
from multibox.labelling.doubt import CLEAR, class_weights, doubt_of, doubts
from multibox.labelling.picks import Pick
from multibox.labelling.seen import COLOUR_SIDE, Seen, looks_of
from multibox.labelling.survey import Survey, survey
from multibox.prepare.render import decode
from multibox.progress import Progress

UNLIKE: Final = 0.9
"""An image is called unlike anything labelled if it is farther from it than this share of the images."""

log = logging.getLogger("multibox")


def next_images(
    model: str | os.PathLike[str],
    paths: Iterable[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    labelled: str | None = None,
    count: int = 50,
    progress: Progress | None = None,
    **options: Any,
) -> list[Pick]:
    """Choose the images to label next: those with much doubt, unlike what is labelled, and no two alike.

    The network runs once over all images. What it sees is kept in ``folder``, so a run that was stopped goes on there.

    Args:
        model: Path of a model file, or ``voc20``.
        paths: Files, folders and globs of unlabelled images.
        folder: Folder in which what was seen is kept.
        labelled: Dataset that is labelled already, ``NAME`` or ``NAME/SPLIT``. Images that look like one of it are left
            out, others are compared with it, and its rare classes count more. None knows of no labelled image.
        count: Largest number of images to choose, at least 1.
        progress: Function called with the number of images searched and of all images.
        options: Further arguments of :func:`multibox.labelling.survey.survey`, such as ``runtime``.

    Returns:
        The chosen images, the most valuable first. Their ``value`` is the one by which they were chosen, ``doubt`` the
        doubt about what is in them, and ``distance`` how far their colours are from the nearest image that was labelled
        or chosen before, or None for the first image if nothing is labelled.

    Raises:
        BadInput: A path holds no image, the model or the dataset cannot be opened, or ``count`` is below 1.
        Stopped: A signal stopped the run.
    """
    if count < 1:
        raise BadInput("count", f"{count} is below 1; give the number of images to choose")
    stores = open_stores(labelled) if labelled is not None else []
    found = survey(model, paths, Path(folder), progress=progress, **options)
    known = Labelled.of(stores)
    if labelled is not None:
        _say_other_classes(labelled, stores, found.classes)
    weights = class_weights(found.classes, known.objects if stores else None)
    doubt = np.array([doubt_of(seen.scores, seen.labels, weights) for seen in found.seen])
    colours = np.stack([seen.colours for seen in found.seen])
    looks = stack_looks([(seen.look, seen.thumbnail) for seen in found.seen])
    free, nearest = is_unlabelled(looks, known.looks), nearest_distances(colours, known.colours)
    if not free.all():
        log.info("%s labelled already, and left out", counted(int((~free).sum()), "image looks", "images look"))
    chosen = choose(doubt, colours, looks, count, nearest, free)
    far = nearest > np.quantile(nearest, UNLIKE) if stores else np.zeros(len(nearest), np.bool_)
    return [_pick(found, weights, one, doubt, bool(far[one.place])) for one in chosen]


@dataclass(frozen=True, eq=False)
class Labelled:
    """What is labelled already.

    Attributes:
        objects: Number of objects by class name.
        looks: Hashes and thumbnails of the M images.
        colours: ``(M, 192)`` colours of the images.
    """

    objects: dict[str, int]
    looks: Looks
    colours: np.ndarray

    @classmethod
    def of(cls, stores: Sequence[Store]) -> "Labelled":
        """Describe the images of the stores of a dataset."""
        objects: dict[str, int] = {}
        for store in stores:
            for name, number in store.meta.counts.per_class.items():
                objects[name] = objects.get(name, 0) + number
        records = (record for store in stores for record in store)
        described = list(in_threads(lambda record: looks_of(decode(record.image, record.source)), records))
        looks = stack_looks([(look, thumbnail) for look, thumbnail, _ in described])
        return cls(objects, looks, np.array([row for *_, row in described], np.uint8).reshape(-1, 3 * COLOUR_SIDE**2))


def _say_other_classes(labelled: str, stores: Sequence[Store], classes: Sequence[str]) -> None:
    """Say if no labelled class is a class of the detector, so that none of its classes can count as rare."""
    there = {name for store in stores for name in store.meta.classes}
    if there and not there & set(classes):
        log.warning(
            "%s has none of the model's classes (%s), so all classes count alike; give the data that the model learned",
            labelled,
            some(list(classes), 5),
        )


def _pick(found: Survey, weights: np.ndarray, one: Choice, doubt: np.ndarray, is_far: bool) -> Pick:
    seen = found.seen[one.place]
    reason = reason_of(seen, found.classes, weights, is_far=is_far)
    distance = one.distance if np.isfinite(one.distance) else None  # JSON has no infinity
    scores = {"value": one.value, "doubt": float(doubt[one.place]), "distance": distance}
    return Pick(seen.file, reason, *found.detections(seen), scores)


def reason_of(seen: Seen, classes: Sequence[str], weights: np.ndarray, *, is_far: bool) -> str:
    """Say in a few words why an image was chosen.

    Args:
        seen: What the detector sees in the image.
        classes: Names of the C classes.
        weights: ``(C,)`` weight of each class.
        is_far: Whether the image is unlike anything labelled.
    """
    doubtful = seen.scores <= CLEAR
    number = int(doubtful.sum())
    words = "nothing seen"
    if number:
        by_class = np.bincount(seen.labels, doubts(seen.scores) * weights[seen.labels], minlength=len(classes))
        most = int(by_class.argmax())
        low, high = (f"{score:.2f}" for score in (seen.scores[doubtful].min(), seen.scores[doubtful].max()))
        mostly = f", mostly {classes[most]}" if len(classes) > 1 and by_class[most] > 0.5 * by_class.sum() else ""
        scores = f"score {low}" if low == high else f"scores {low} to {high}"
        words = f"{counted(number, 'doubtful object')}{mostly}, {scores}"
    elif len(seen.scores):
        words = f"{counted(len(seen.scores), 'clear detection')}"
    return f"{words}; unlike anything labelled" if is_far else words
