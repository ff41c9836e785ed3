"""Evaluate a detector on a test set."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from multibox.data.store import Store
from multibox.detect.detections import Detections
from multibox.detect.detector import Detector
from multibox.detect.in_threads import in_threads
from multibox.evaluation.candidates import Model, open_candidate, require_classes
from multibox.evaluation.columns import Found
from multibox.evaluation.devkit import as_written
from multibox.evaluation.figures import Figures
from multibox.evaluation.json_values import without_nan
from multibox.evaluation.reading.choosing import ReadAs
from multibox.evaluation.reading.file_reading import FileReading
from multibox.evaluation.test_set import Data, TestSet, count_images, open_test_set, pixels_of
from multibox.progress import Progress

BATCH = 16
"""Default number of images in a batch."""

DetectAll = Callable[..., Iterable[Detections]]
"""Function with the parameters and the result of :func:`detect_all`."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of an evaluation: metrics of a detector on a test set. Each metric is computed when it is first read.

    Attributes:
        model: Name of the detector, or path of its file.
        test_set: Images and objects of the test set.
        found: Detections in all images of the test set.
        strict: Whether scores and boxes are rounded to six decimals before metrics are computed, as PASCAL's devkit
            does.
        seconds: Duration of the detection in seconds.
        reading: What was read from a file of detections and what was dropped. None if a detector ran.
        trained_images: Number of training images that show each class of the detector, by class name. Empty if they
            are unknown.
    """

    model: str
    test_set: TestSet
    found: Found
    strict: bool = False
    seconds: float = 0.0
    reading: FileReading | None = None
    trained_images: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def figures(self) -> Figures:
        """All metrics of the detailed report."""
        found = as_written(self.found) if self.strict else self.found
        return Figures(self.test_set.truth, found, self.trained_images)

    @property
    def map(self) -> float:
        """Mean average precision at IoU 0.5 by the area under the curve, in [0, 1]. NaN without any object."""
        return self.figures.voc.map

    @property
    def map_11point(self) -> float:
        """Mean average precision at IoU 0.5 by precision at 11 recalls, in [0, 1]. NaN without any object."""
        return self.figures.voc.map_11point

    @property
    def map_50_95(self) -> float:
        """COCO's mean average precision over IoU 0.5 to 0.95, in [0, 1]. NaN without any object."""
        return self.figures.coco.map_50_95

    @property
    def ap(self) -> dict[str, float]:
        """Average precision (area, IoU 0.5) by class name.

        NaN for a class without objects, which is left out of every mean.
        """
        return {name: float(ap) for name, ap in zip(self.test_set.truth.classes, self.figures.voc.ap, strict=True)}

    @property
    def thresholds(self) -> dict[str, float]:
        """Score threshold with the best F1, by class name. Classes without a correct detection are missing."""
        return self.figures.thresholds

    @property
    def images(self) -> int:
        """Number of images in the test set."""
        return len(self.test_set.truth.image_ids)

    @property
    def objects(self) -> int:
        """Number of objects to find: objects of the evaluated classes that are neither difficult nor crowds."""
        return int(self.test_set.truth.counted.sum())

    @property
    def detections(self) -> int:
        """Number of detections in the test set."""
        return len(self.found)

    @property
    def left_out(self) -> dict[str, int]:
        """Number of objects of each class that the detector does not have, by class name.

        These classes are not evaluated.
        """
        return self.test_set.left_out

    def to_json(self) -> dict[str, Any]:
        """The main metrics as a dictionary that can be written as JSON. NaN becomes None."""
        return without_nan(
            {
                "map": self.map,
                "map_11point": self.map_11point,
                "map_50_95": self.map_50_95,
                "ap": self.ap,
                "images": self.images,
                "objects": self.objects,
                "detections": self.detections,
                "seconds": round(self.seconds, 3),
                "left_out": self.left_out,
                "reading": self.reading and self.reading.to_json(),
                "rarity": self.figures.rarity_to_json(),
            }
        )


def evaluate(
    detector: Model,
    data: Data | TestSet,
    *,
    batch: int = BATCH,
    strict: bool = False,
    progress: Progress | None = None,
    detect: DetectAll | None = None,
    image_ids: str | None = None,
    category_ids: str | None = None,
    boxes: str | None = None,
    **loading: Any,
) -> Evaluation:
    """Detect objects in every image of a test set, and measure how good the detections are.

    Classes are matched by name. Only classes that the detector and the test data have in common are evaluated.

    Args:
        detector: A detector, a model file, or a ``.json`` file of detections in COCO's results format.
        data: Test data: ``NAME/SPLIT``, or ``NAME`` for its split test, or val if there is no test, or the path that a
            dataset was built from. Several of these are evaluated as one test set. Pass the ``test_set`` of another
            evaluation to compare the two.
        batch: Number of images in a batch on each device.
        strict: Whether to round scores and boxes to six decimals before metrics are computed, as PASCAL's devkit does.
        progress: Function to call after each batch, with the number of finished images and of all images.
        detect: Function that replaces :func:`detect_all`, for example to share the work between hosts.
        image_ids: Meaning of ``image_id`` in a file of detections, such as ``names`` or ``from-0``. See
            :class:`~multibox.evaluation.reading.choosing.ReadAs`. None takes the dataset's own ids if they match, else
            a meaning that matches.
        category_ids: Meaning of ``category_id`` in a file of detections, such as ``from-0``, ``coco-80`` or
            ``0=cat,1=dog``. None takes the dataset's own class numbers if they match, else a meaning that matches.
        boxes: Form of the boxes in a file of detections, such as ``corners`` or ``center,fractions``. None means
            ``xywh`` in pixels of the image.
        loading: Arguments for :func:`multibox.detect.load.load` if ``detector`` is a model file, such as ``devices=2``.

    Returns:
        The evaluation, whose metrics are computed when they are first read.

    Raises:
        BadInput: The model or a store does not exist, they have no class in common, or an image cannot be decoded. Also
            if the ids or boxes of a file of detections clearly have another meaning than the one assumed.

    Example:
        >>> evaluation = multibox.evaluate("model.keras", "photos/test")
        >>> evaluation.map
        0.75
        >>> older = multibox.evaluate("older.keras", evaluation.test_set)
        >>> write_report(evaluation, "out", older)  # from multibox.evaluation.report
    """
    loading.setdefault("images", count_images(data))
    candidate = open_candidate(detector, read_as=ReadAs(image_ids, category_ids, boxes), **loading)
    test_set = data if isinstance(data, TestSet) else open_test_set(data, candidate.classes)
    require_classes(candidate, test_set.truth.classes)
    start = time.perf_counter()
    found = candidate.detections(test_set, partial(detect or detect_all, batch=batch, progress=progress))
    seconds = time.perf_counter() - start
    if isinstance(found, Found):
        return Evaluation(candidate.name, test_set, found, strict, seconds, None, candidate.trained_images)
    found.log()
    return Evaluation(candidate.name, test_set, found.found, strict, seconds, found)


def detect_all(
    detector: Detector,
    stores: Sequence[Store],
    *,
    batch: int = BATCH,
    only: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Iterator[Detections]:
    """Detect objects in every image of stores, down to the low scores that evaluation requires.

    Args:
        detector: Detector to run.
        stores: Stores with the images.
        batch: Number of images in a batch on each device.
        only: Positions of the images to use, counted over all stores. None uses all images.
        progress: Function to call after each batch, with the number of finished images and of all images.

    Yields:
        Detections of each image, in the order of ``only``, or else of the stores and their records.
    """
    places = [(store, i) for store in stores for i in range(len(store))]
    chosen = places if only is None else [places[k] for k in only]
    total = len(chosen)
    batch = 1 if detector.tiles else batch * detector.runtime.devices  # tiles fill batches by themselves
    records = (store[i] for store, i in chosen)
    prepared = in_threads(lambda record: detector.prepare(pixels_of(record)), records, ahead=2 * batch)
    for done, found in enumerate(detector.detect_each(prepared, batch), 1):
        yield found
        if progress and (done % batch == 0 or done == total):
            progress(done, total)
