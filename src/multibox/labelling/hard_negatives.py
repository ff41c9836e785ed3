"""Finds hard negatives: images without objects in which a detector sees some."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from multibox.data.file_names import readable
from multibox.data.look_alikes import alike_to, stack_looks
from multibox.data.record import Record, make_objects
from multibox.data.store import Store
from multibox.data.store_writer import write_store
from multibox.errors import BadInput
from multibox.labelling.picks import Pick
from multibox.labelling.seen import Seen
from multibox.labelling.survey import Survey, survey
from multibox.progress import Progress

SPLIT: Final = "train"
"""Split of a dataset of hard negatives."""


def hard_negatives(
    model: str | os.PathLike[str],
    paths: Iterable[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    count: int = 200,
    progress: Progress | None = None,
    **options: Any,
) -> list[Pick]:
    """Rank images that are known to hold no object by the highest score of what the detector sees in them.

    Training on false positives that a detector makes is the bootstrapping of Sung and Poggio, "Example-based learning
    for view-based human face detection", 1998. Of images that look alike, the first is taken.

    Args:
        model: Path of a model file, or ``voc20``.
        paths: Files, folders and globs of images. The caller knows that no object is in any of them.
        folder: Folder in which what was seen is kept, so that a run that was stopped goes on there.
        count: Largest number of images to give, at least 1.
        progress: Function called with the number of images searched and of all images.
        options: Further arguments of :func:`multibox.labelling.survey.survey`, such as ``runtime``.

    Returns:
        Images in which the detector sees something, the highest score first. ``score`` is that score, and ``shown``
        the number of detections that a person would be shown. Their detections are all false.

    Raises:
        BadInput: A path holds no image, the model cannot be loaded, or ``count`` is below 1.
        Stopped: A signal stopped the run.
    """
    if count < 1:
        raise BadInput("count", f"{count} is below 1; give the number of images to find")
    found = survey(model, paths, Path(folder), progress=progress, **options)
    looks = stack_looks([(seen.look, seen.thumbnail) for seen in found.seen])
    best = np.array([seen.scores.max(initial=0) for seen in found.seen])
    free = best > 0
    picks: list[Pick] = []
    for i in np.argsort(-best, kind="stable"):
        if len(picks) == count or not best[i]:
            break
        if free[i]:
            free[alike_to(looks, int(i))] = False
            picks.append(_pick(found, found.seen[i]))
    return picks


def _pick(found: Survey, seen: Seen) -> Pick:
    found_all, shown = found.detections(seen)
    others = f" and {len(shown) - 1} more" if len(shown) > 1 else "" if len(shown) else ", below what is shown"
    reason = f"{found_all.names[0]} {found_all.scores[0]:.2f}{others}"
    return Pick(seen.file, reason, found_all, shown, {"score": float(seen.scores[0]), "shown": len(shown)})


def write_negatives(name: str, picks: Sequence[Pick], *, source: str = "", replace: bool = False) -> Store:
    """Write picked images as a dataset without objects, which can be trained on beside another.

    Args:
        name: Name of the dataset, which gets the split ``train``.
        picks: The picked images, at least one.
        source: Origin of the images, as a text for the dataset's description.
        replace: Whether an existing dataset of that name may be replaced.

    Returns:
        The written store. It has no classes, so it adds none to the data that it is trained with.

    Raises:
        BadInput: There is no image, one has gone, or the name is invalid or used.
    """
    if not picks:
        raise BadInput("name", f"{name}: no image to write, as the detector sees nothing in any of them; leave it out")
    records = (_record(number, pick) for number, pick in enumerate(picks, start=1))
    return write_store(name, SPLIT, records, (), source=source, replace=replace)


def _record(number: int, pick: Pick) -> Record:
    path = Path(pick.file)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(path, f"cannot be read: {error.strerror}; run again without it") from None
    height, width = pick.found.image_size
    name = readable(f"{number:04d}-{path.stem}")
    return Record(name, data, width, height, make_objects([], []), source=readable(pick.file))
