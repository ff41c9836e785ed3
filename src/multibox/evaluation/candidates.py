"""The two things that can be evaluated: a detector, or a file of detections written by any tool."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from multibox.data.store import Store
from multibox.detect.detections import Detections
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.evaluation.columns import Found, found_in, places
from multibox.evaluation.reading.choosing import AS_WRITTEN, ReadAs
from multibox.evaluation.reading.file_reading import FileReading
from multibox.evaluation.reading.other_files import is_no_model, refuse_name
from multibox.evaluation.reading.read_results import read_results
from multibox.evaluation.test_set import TestSet

Detect = Callable[[Detector, Sequence[Store]], Iterable[Detections]]
"""Function that detects objects in every image of some stores, in the order of their records."""


class Candidate(Protocol):
    """Protocol of a loaded detector or a file of detections, both of which can be evaluated."""

    @property
    def name(self) -> str:
        """Name of the detector, or path of the file of detections, for reports and messages."""

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Class names of the detector. None for a file of detections, which does not hold class names."""

    @property
    def trained_images(self) -> Mapping[str, int]:
        """Number of training images that show each class, by class name. Empty if they are unknown."""

    def detections(self, test_set: TestSet, detect: Detect) -> Found | FileReading:
        """Detections of the evaluated classes in all images of a test set.

        For a file of detections, also a record of the rows that were dropped.
        """


@dataclass(frozen=True)
class LoadedDetector:
    """A loaded detector to evaluate.

    Attributes:
        detector: Detector that is run on the test set.
        name: Name of the detector for reports and messages.
    """

    detector: Detector
    name: str = "this detector"

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names of the detector."""
        return self.detector.classes

    @property
    def trained_images(self) -> Mapping[str, int]:
        """Number of training images that show each class, from the model file. Empty if it does not hold them."""
        return self.detector.schema.images_of_class

    def detections(self, test_set: TestSet, detect: Detect) -> Found:
        """Detect objects in every image of a test set.

        Raises:
            BadInput: An image cannot be decoded.
        """
        relabel = places(self.classes, test_set.truth.classes)
        return found_in(detect(self.detector, test_set.stores), relabel)


@dataclass(frozen=True)
class ResultsFile:
    """A file of detections to evaluate, in COCO's results format.

    Attributes:
        path: Path of the JSON file with detections.
        read_as: Meaning of the ids and boxes in the file.
        classes: Always None, because the file holds class numbers and no class names.
    """

    path: Path
    read_as: ReadAs = AS_WRITTEN
    classes: None = None

    @property
    def trained_images(self) -> Mapping[str, int]:
        """Empty, because the file holds detections alone."""
        return {}

    @property
    def name(self) -> str:
        """Path of the file, as its name in reports and messages."""
        return str(self.path)

    def detections(self, test_set: TestSet, detect: Detect) -> FileReading:
        """Read the detections of the evaluated classes from the file.

        Raises:
            BadInput: The file cannot be read, or its detections do not fit the test set.
        """
        return read_results(self.path, test_set, self.read_as)


Model = Detector | Candidate | str | os.PathLike[str]
"""What can be evaluated: a detector, a model file, or a ``.json`` file of detections in COCO's results format."""


def open_candidate(model: Model, *, read_as: ReadAs = AS_WRITTEN, **loading: Any) -> Candidate:
    """Open a detector or a file of detections for evaluation.

    Args:
        model: A detector, a model file, or a ``.json`` file of detections in COCO's results format.
        read_as: How to read the ids and boxes of a file of detections. All its fields must be None if ``model`` is a
            detector or model file.
        loading: Arguments for :func:`~multibox.detect.load.load`, if ``model`` is a model file.

    Returns:
        The detector or the file of detections, ready to be evaluated.

    Raises:
        BadInput: The file does not exist, or is neither a model nor detections.
    """
    if isinstance(model, str | os.PathLike) and is_results_file(model):
        if not Path(model).is_file():
            raise BadInput(model, "no such file of detections; give one in COCO's results format")
        return ResultsFile(Path(model), read_as)
    if not isinstance(model, str | os.PathLike | Detector):
        return model
    for parameter, value in asdict(read_as).items():
        if value is not None:
            raise BadInput(parameter, "only applies to a file of detections, and none was given; leave it out")
    if isinstance(model, Detector):
        return LoadedDetector(model)
    if is_no_model(Path(model)):
        refuse_name(Path(model))
    return LoadedDetector(load(model, **loading), str(model))


def is_results_file(model: str | os.PathLike[str]) -> bool:
    """Whether a path names a file of detections instead of a model."""
    return Path(model).suffix.lower() == ".json"


def require_classes(candidate: Candidate, classes: Sequence[str]) -> None:
    """Verify that a detector has all evaluated classes of a test set.

    Raises:
        BadInput: The detector lacks a class.
    """
    missing = [name for name in classes if candidate.classes is not None and name not in candidate.classes]
    if missing:
        raise BadInput(candidate.name, f"has no class {', '.join(missing)}; compare models that have the same classes")
