"""Which objects are made unrecognisable in the images of a run, so that no output shows them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from multibox.detect.detections import Detections
from multibox.detect.detector import Detector
from multibox.detect.prepare_image import Prepared
from multibox.errors import BadInput
from multibox.predict.class_names import check_classes
from multibox.predict.redact import How, redact
from multibox.runtimes.outputs import Outputs

ALL: Final = "all"
"""Name that stands for every class."""

LEAST: Final = 0.1
"""Score above which an object is made unrecognisable, also where its class is only shown above a higher score. It is
low because a missed face costs more than a needlessly blurred bag."""


@dataclass(frozen=True)
class Hidden:
    """Classes whose objects are made unrecognisable.

    Attributes:
        blur: Names of the classes to blur, or :data:`ALL`.
        pixelate: Names of the classes to show in large blocks, or :data:`ALL`.
    """

    blur: tuple[str, ...] = ()
    pixelate: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.blur or self.pixelate)

    def labels(self, classes: Sequence[str]) -> dict[How, list[int]]:
        """The labels of the classes that are made unrecognisable in each way.

        Args:
            classes: Names of the model's classes.

        Raises:
            BadInput: A name is not a class of the model, or a class is named for both ways.
        """
        for field, names in (("blur", self.blur), ("pixelate", self.pixelate)):
            check_classes(field, (name for name in names if name != ALL), classes)
        blurred, pixelated = (
            [label for label, name in enumerate(classes) if name in names or ALL in names]
            for names in (self.blur, self.pixelate)
        )
        both = [classes[label] for label in blurred if label in pixelated]
        if both:
            raise BadInput("pixelate", f"{both[0]} is blurred already; name each class for one of the two")
        return {"blur": blurred, "pixelate": pixelated}


class Hiding:
    """Makes objects unrecognisable in the images of one detector. Any thread may use it.

    Args:
        hidden: Classes of the objects.
        detector: Detector that finds the objects.
        thresholds: ``(C,)`` scores above which detections are shown, by class. A class whose score is below
            :data:`LEAST` is also made unrecognisable above that score.

    Raises:
        BadInput: A class is not one of the detector's, or the model file drops detections that have to be hidden.
    """

    def __init__(self, hidden: Hidden, detector: Detector, thresholds: np.ndarray):
        self._detector, self._labels = detector, hidden.labels(detector.classes)
        dropped = detector.schema.detect.score
        if detector.runtime.has_nms and dropped > LEAST:
            raise BadInput(
                "model",
                f"runs NMS itself and drops scores up to {dropped:g}, and hiding needs those above {LEAST}; export the "
                "model without NMS",
            )
        self._thresholds = np.ones(len(detector.classes))  # no score exceeds 1
        chosen = self._labels["blur"] + self._labels["pixelate"]
        self._thresholds[chosen] = np.minimum(thresholds[chosen], LEAST)

    def hide(self, prepared: Prepared, outputs: Sequence[Outputs], found: Detections) -> tuple[Detections, int]:
        """Make the objects in an image unrecognisable.

        Args:
            prepared: Prepared image, which keeps its pixels.
            outputs: Raw outputs of the network for each input of the image.
            found: Detections to show.

        Returns:
            The detections to show, on the image in which the objects cannot be recognised, and the number of these
            objects.
        """
        unsure = self._detector.finish(prepared, outputs, thresholds=self._thresholds)
        image, count = found.image, 0
        for how, labels in self._labels.items():
            boxes = [some.boxes[np.isin(some.labels, labels)] for some in (unsure, found)]
            if image is not None:
                image = redact(image, np.unique(np.concatenate(boxes), axis=0), how)
            count += len(boxes[0])
        return replace(found, image=image), count


def are_finite(outputs: Sequence[Outputs]) -> bool:
    """Whether all raw outputs for an image are finite. Otherwise objects may be missing from its detections."""
    return all(bool(np.isfinite(values).all()) for output in outputs for values in output.values())
