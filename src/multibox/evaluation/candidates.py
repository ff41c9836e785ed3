"""What can be evaluated: a detector, or a file of detections that any tool wrote."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from multibox.data.store import Store
from multibox.detect.detections import Detections
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.evaluation.coco_results import read_results
from multibox.evaluation.columns import Found, found_in, places
from multibox.evaluation.test_set import TestSet

Detect = Callable[[Detector, Sequence[Store]], Iterable[Detections]]
"""Detects objects in every image of the stores, in the order of their records."""


class Candidate(Protocol):
    """Something that can be evaluated."""

    @property
    def name(self) -> str:
        """Name for reports and messages."""

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of its classes. None if any class is possible."""

    def detections(self, test_set: TestSet, detect: Detect) -> Found:
        """The detections of the evaluated classes, image by image."""


@dataclass(frozen=True)
class LoadedDetector:
    """A detector, ready to run.

    Attributes:
        detector: The detector.
        name: Name for reports and messages.
    """

    detector: Detector
    name: str = "this detector"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the detector's classes."""
        return self.detector.classes

    def detections(self, test_set: TestSet, detect: Detect) -> Found:
        """Detect objects in every image.

        Raises:
            BadInput: An image cannot be decoded.
        """
        relabel = places(self.classes, test_set.truth.classes)
        return found_in(detect(self.detector, test_set.stores), relabel)


@dataclass(frozen=True)
class ResultsFile:
    """Detections in COCO's results format.

    Attributes:
        path: Path of the JSON file.
        classes: None. The file numbers classes and does not name them.
    """

    path: Path
    classes: None = None

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def detections(self, test_set: TestSet, detect: Detect) -> Found:
        """Read the file.

        Raises:
            BadInput: The file does not hold detections in these images.
        """
        return read_results(self.path, test_set.image_ids, test_set.category_ids)


Model = Detector | Candidate | str | os.PathLike[str]
"""A detector, a model file, or a ``.json`` file of detections in COCO's results format."""


def open_candidate(model: Model, **loading: Any) -> Candidate:
    """Open what is to be evaluated.

    Args:
        model: A detector, a model file, or a ``.json`` file of detections in COCO's results format.
        loading: How to load a model file. See :func:`~multibox.detect.load.load`.

    Returns:
        The candidate.

    Raises:
        BadInput: There is no such file, or it is not a model.
    """
    if isinstance(model, Detector):
        return LoadedDetector(model)
    if not isinstance(model, str | os.PathLike):
        return model
    path = Path(model)
    if path.suffix != ".json":
        return LoadedDetector(load(model, **loading), str(model))
    if not path.is_file():
        raise BadInput(path, "no such file of detections; give one in COCO's results format")
    return ResultsFile(path)


def require_classes(candidate: Candidate, classes: Sequence[str]) -> None:
    """Verify that a candidate can detect all classes of a test set.

    Raises:
        BadInput: It cannot.
    """
    missing = [name for name in classes if candidate.classes is not None and name not in candidate.classes]
    if missing:
        raise BadInput(candidate.name, f"has no class {', '.join(missing)}; compare models that have the same classes")
