"""Which of a run's detections are kept: those of some classes, and those in some places."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multibox.boxes import to_centers
from multibox.detect.detections import Detections
from multibox.predict.class_names import check_classes
from multibox.regions import Points, inside


@dataclass(frozen=True)
class Chosen:
    """A choice among detections.

    Attributes:
        classes: Names of the classes to keep. Empty keeps all.
        regions: Polygons. A detection is kept if the centre of its box lies in one of them. Empty keeps all.

    Example:
        ``Chosen(("person",), (parse_points("0,0.5,1,0.5,1,1,0,1", "regions"),))`` keeps persons in the lower half.
    """

    classes: tuple[str, ...] = ()
    regions: tuple[Points, ...] = ()

    def check(self, classes: Sequence[str]) -> None:
        """Verify that a model has the chosen classes.

        Args:
            classes: Names of the model's classes.

        Raises:
            BadInput: A chosen class is not one of them.
        """
        check_classes("classes", self.classes, classes)

    def select(self, found: Detections) -> Detections:
        """The chosen ones of an image's detections, in the same order."""
        rows = np.ones(len(found), np.bool_)
        if self.classes:
            rows &= np.isin(found.names, self.classes)
        if self.regions:
            centers = to_centers(found.boxes)[:, :2]
            rows &= np.any([inside(centers, region.pixels(found.image_size)) for region in self.regions], axis=0)
        return found.keep(rows)
