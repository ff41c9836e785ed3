"""Comparison of two detectors on the same images: their difference, and whether it is significant."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.evaluation.bootstrap import Interval, interval, mean_over_classes
from multibox.evaluation.figures import Figures
from multibox.evaluation.json_values import without_nan

FEW = 10
"""Smallest number of images with objects of a class for which the class's bootstrap interval is meaningful."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Differences between two detectors. Positive numbers favour the first one.

    Attributes:
        name: Name of the second detector.
        other: All figures of the second detector.
        difference: Mean average precision (area, IoU 0.5) of the first detector minus that of the second, in [-1, 1].
        interval: 95% confidence interval of ``difference``, by the paired bootstrap: each draw of images is used for
            both detectors.
        share_better: Share of the bootstrap draws in which the first detector is better, in [0, 1].
        classes: Average precision of the first detector minus that of the second, in [-1, 1], with its 95% interval, by
            class name.
        few: Names of classes that are in too few images for a meaningful interval.
        images: ``(N,)`` cost of the second detector's mistakes minus the cost of the first detector's mistakes, for
            each image.
    """

    name: str
    other: Figures
    difference: float
    interval: Interval
    share_better: float
    classes: dict[str, tuple[float, Interval]]
    few: frozenset[str]
    images: np.ndarray

    @property
    def is_clear(self) -> bool:
        """Whether the confidence interval of the difference excludes 0."""
        return self.interval.low > 0 or self.interval.high < 0

    def most_changed(self, count: int) -> list[int]:
        """Positions of the images whose cost differs most between the detectors, in either direction."""
        order = np.argsort(-np.abs(self.images), kind="stable")[:count]
        return [int(i) for i in order if self.images[i]]

    def to_json(self) -> dict[str, Any]:
        """The comparison as a dictionary that can be written as JSON. NaN becomes None."""
        return without_nan(
            {
                "other": self.name,
                "map_other": self.other.voc.map,
                "difference": self.difference,
                "interval": asdict(self.interval),
                "share_better": self.share_better,
                "classes": {
                    name: {"difference": difference, "interval": asdict(range_)}
                    for name, (difference, range_) in self.classes.items()
                },
            }
        )


def compare(first: Figures, other: Figures, name: str) -> Comparison:
    """Compare the figures of two detectors.

    Args:
        first: All figures of the first detector.
        other: All figures of the second detector, on the same test set.
        name: Name of the second detector.

    Returns:
        Differences in average precision between the two detectors.

    Raises:
        BadInput: The two detectors were evaluated on different images or classes.
    """
    _require_same_test_set(first, other, name)
    draws = mean_over_classes(first.draws) - mean_over_classes(other.draws)
    known = draws[~np.isnan(draws)]
    by_class = zip(first.truth.classes, first.voc.ap - other.voc.ap, (first.draws - other.draws).T, strict=True)
    return Comparison(
        name=name,
        other=other,
        difference=first.voc.map - other.voc.map,
        interval=interval(draws),
        share_better=float((known > 0).mean()) if known.size else float("nan"),
        classes={name: (float(difference), interval(drawn)) for name, difference, drawn in by_class},
        few=frozenset(
            name for name, count in zip(first.truth.classes, first.images_of_class, strict=True) if count < FEW
        ),
        images=other.mistakes.cost - first.mistakes.cost,
    )


def _require_same_test_set(first: Figures, other: Figures, name: str) -> None:
    if (first.truth.classes, first.truth.image_ids) != (other.truth.classes, other.truth.image_ids):
        raise BadInput(
            name,
            "was evaluated on other images or classes; evaluate both on the same data, by passing the test_set "
            "of one evaluation as data of the other",
        )
