"""What a network gives for an image before a threshold hides the rest: the scores of all classes at many boxes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from multibox.data.record import Record
from multibox.data.store import Store
from multibox.detect.detections import Detections
from multibox.detect.detector import Detector, clip_to
from multibox.detect.in_batches import in_batches
from multibox.detect.in_threads import in_threads
from multibox.detect.prepare_image import Prepared
from multibox.detect.views import AS_IT_IS
from multibox.errors import BadInput
from multibox.evaluation.columns import places
from multibox.evaluation.evaluate import BATCH
from multibox.evaluation.test_set import pixels_of
from multibox.postprocess.decode import decode
from multibox.runtimes.outputs import Outputs

FLOOR: Final = 0.005
"""Scores at or below this are nothing: a box all of whose scores are so low is left out."""


@dataclass(frozen=True, eq=False)
class Sight:
    """The boxes of a network in an image.

    Attributes:
        boxes: ``(K, 4)`` corners x0, y0, x1, y1 in pixels of the image, of all priors with a score above
            :data:`FLOOR`, before non-maximum suppression.
        scores: ``(K, C)`` scores of all classes at these boxes, in [0, 1].
        found: Detections: what non-maximum suppression leaves of the boxes.
    """

    boxes: np.ndarray
    scores: np.ndarray
    found: Detections

    def of_classes(self, known: Sequence[str], classes: Sequence[str]) -> "Sight":
        """The boxes with scores and detections of some of the detector's classes, in another order.

        Args:
            known: Class names of the detector.
            classes: Names of the wanted classes, all among ``known``.
        """
        if tuple(known) == tuple(classes):
            return self
        labels = places(known, classes)[self.found.labels]
        kept, found = labels >= 0, self.found
        chosen = Detections(
            found.boxes[kept], found.scores[kept], labels[kept], tuple(classes), found.image_size, found.image
        )
        return Sight(self.boxes, self.scores[:, places(classes, known)], chosen)


def look_at_store(detector: Detector, store: Store, batch: int = BATCH) -> Iterator[tuple[Record, Sight]]:
    """Run a network on every image of a store.

    Args:
        detector: Detector whose network runs.
        store: Store with the images.
        batch: Number of images that go through the network together.

    Yields:
        Each record, and what the network gives for its image.

    Raises:
        BadInput: If an image cannot be decoded, or the detector hides the network's scores.
    """
    refuse_hidden(detector)
    records = (store[i] for i in range(len(store)))
    prepared = in_threads(lambda record: (record, detector.prepare(pixels_of(record))), records, ahead=2 * batch)
    outputs = (
        (record, image, output)
        for some in in_batches(prepared, batch)
        for (record, image), output in zip(some, detector.run([image for _, image in some]), strict=True)
    )
    yield from in_threads(lambda each: (each[0], see(detector, each[1], each[2][0])), outputs, ahead=batch)


def see(detector: Detector, image: Prepared, output: Outputs) -> Sight:
    """Decode what a network gave for an image.

    Args:
        detector: Detector whose network ran.
        image: Prepared image of one view.
        output: Logits and deltas that the network gave for that view.
    """
    (view,), (region,), schema = image.views, image.regions, detector.schema
    scores, boxes_rel = decode(
        output["classes"], output["boxes"], detector.priors_rel, schema.priors.variances, FLOOR, schema.activation
    )
    boxes = clip_to(view.to_image(boxes_rel), region)
    return Sight(boxes, np.ascontiguousarray(scores), detector.finish(image, [output]))


def refuse_hidden(detector: Detector) -> None:
    """Refuse a detector whose network's scores cannot be seen.

    Raises:
        BadInput: If NMS is part of the model file, or the detector uses tiles or several views of an image.
    """
    if detector.runtime.has_nms:
        raise BadInput(
            "model",
            "NMS is part of the model file, which hides most scores; give the .keras file, or export it again "
            "without NMS",
        )
    if detector.tiles or detector.tta != AS_IT_IS:
        raise BadInput(
            "model",
            "searches in tiles or several views, which is not supported here; give a model that was trained with "
            "data.tiles=none, or a detector that was loaded with tiles=none and without tta",
        )
