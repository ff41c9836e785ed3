"""Where detections come from: a detector, or a file of what any tool has found."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multibox.data.store import Store
from multibox.detect.detections import Detections
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.evaluation.columns import Found, found_in, places
from multibox.evaluation.results import read_results
from multibox.evaluation.test_set import Split, judged_classes

Model = Detector | str | os.PathLike[str]
"""A detector, a model file, or a ``.json`` file of detections in COCO's results format."""


@dataclass(frozen=True)
class ResultsFile:
    """Detections in COCO's results format."""

    path: Path


Source = Detector | ResultsFile


@dataclass(frozen=True)
class Rival:
    """What another is compared with."""

    name: str
    source: Source


def open_source(model: Model, **loading: Any) -> Source:
    """Open what gives detections.

    Args:
        model: what was named.
        loading: how to load a model file, see :func:`~multibox.detect.load.load`.

    Returns:
        a detector, or a file.

    Raises:
        BadInput: no such file, or not a model.
    """
    if isinstance(model, Detector):
        return model
    if is_results(model):
        if not Path(model).is_file():
            raise BadInput(model, "no such file of detections")
        return ResultsFile(Path(model))
    return load(model, **loading)


def is_results(model: Model) -> bool:
    """Whether this is a file of detections and not a model."""
    return not isinstance(model, Detector) and Path(model).suffix == ".json"


def name_of(model: Model) -> str:
    """What a model is called in a report."""
    return "this detector" if isinstance(model, Detector) else str(model)


def classes_judged(source: Source, stores: Sequence[Store]) -> tuple[str, ...]:
    """The classes that a source and stores have in common; a file of detections may hold any class of the stores.

    Raises:
        BadInput: there is none.
    """
    if isinstance(source, Detector):
        return judged_classes(source.classes, stores)
    there = dict.fromkeys(name for store in stores for name in store.meta.classes)
    return judged_classes(tuple(there), stores)


def open_rival(model: Model, classes: Sequence[str], **loading: Any) -> Rival:
    """Open what another model is to be compared with.

    Args:
        model: what was named.
        classes: those that are judged.
        loading: see :func:`open_source`.

    Returns:
        the rival.

    Raises:
        BadInput: no such file, not a model, or one that does not know all of the classes.
    """
    rival = Rival(name_of(model), open_source(model, **loading))
    unknown = [name for name in classes if isinstance(rival.source, Detector) and name not in rival.source.classes]
    if unknown:
        listed = ", ".join(unknown)
        raise BadInput("compare", f"{rival.name}: does not know {listed}; compare models of the same classes")
    return rival


def found_by(
    source: Source, split: Split, detect: Callable[[Detector, Sequence[Store]], Iterable[Detections]]
) -> Found:
    """The detections of a source in all images.

    Args:
        source: a detector, or a file.
        split: the images and the classes judged.
        detect: runs a detector on all images of stores, in their order.

    Returns:
        the detections of the classes judged.

    Raises:
        BadInput: an image cannot be decoded, or the file is not one of detections in these images.
    """
    if isinstance(source, ResultsFile):
        return read_results(source.path, split.image_ids, split.category_ids)
    return found_in(detect(source, split.stores), relabel=places(source.classes, split.truth.classes))
