"""Two detectors on the same images: is the difference more than chance, and where is it?"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from multibox.evaluation.bootstrap import Interval, interval, mean_over_classes
from multibox.evaluation.figures import Figures, plain

FEW = 10
"""Images: where fewer hold a class, a bootstrap hardly knows how its average precision varies."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """How one detector differs from another; what is positive speaks for the first.

    Attributes:
        name: of the other.
        other: the other's figures.
        difference: of the mean average precisions (area, IoU 0.5).
        interval: of the difference, by the paired bootstrap: both are judged on the same draws of images.
        share_better: of the draws, in how many the first is better.
        classes: of each class the difference of average precision, and its interval.
        few: the classes that too few images hold for their intervals to say much.
        images: ``(N,)`` by how much less the first's mistakes cost in each image.
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
        """Whether the interval leaves out 0."""
        return self.interval.low > 0 or self.interval.high < 0

    def most_changed(self, count: int) -> list[int]:
        """The images that changed most, whichever way."""
        order = np.argsort(-np.abs(self.images), kind="stable")[:count]
        return [int(i) for i in order if self.images[i]]

    def to_json(self) -> dict[str, Any]:
        """As values that ``json.dumps`` takes."""
        return plain(
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
    """Compare two detectors.

    Args:
        first: the figures of one; both are of the same objects.
        other: those of the other.
        name: what the other is called.

    Returns:
        the differences.
    """
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
