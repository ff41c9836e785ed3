"""All that a report says of a detector, as numbers."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from multibox.evaluation.bootstrap import (
    Interval,
    draw_weights,
    interval,
    mean_over_classes,
    resampled_ap,
)
from multibox.evaluation.calibration import Calibration, calibration
from multibox.evaluation.coco import SIZES, CocoResult, coco
from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.confusion import confusion
from multibox.evaluation.crowding import Group, by_crowding
from multibox.evaluation.judged import Judged, judged
from multibox.evaluation.mistakes import Mistakes, find_mistakes
from multibox.evaluation.thresholds import Best, best_thresholds, threshold_array
from multibox.evaluation.tide import Errors, tide
from multibox.evaluation.voc import VocResult, average_precisions, mean_of


@dataclass(frozen=True, eq=False)
class Figures:
    """A detector on a split, measured in every way.

    Attributes:
        judged: its detections, judged at IoU 0.5.
        voc: PASCAL's metric.
        coco: COCO's metric.
        draws: ``(R, C)`` average precision by the bootstrap, see :mod:`~multibox.evaluation.bootstrap`.
        best: the best threshold of each class.
        errors: TIDE's.
        confusion: ``(C + 1, C + 1)``, at the best thresholds.
        groups: images by how many objects they hold.
        calibration: of the scores.
        mistakes: by image, at the best thresholds.
    """

    judged: Judged
    voc: VocResult
    coco: CocoResult
    draws: np.ndarray
    best: list[Best | None]
    errors: Errors
    confusion: np.ndarray
    groups: list[Group]
    calibration: Calibration
    mistakes: Mistakes

    @property
    def truth(self) -> Truth:
        """The objects."""
        return self.judged.truth

    @property
    def map_interval(self) -> Interval:
        """Of the mean average precision (area, IoU 0.5)."""
        return interval(mean_over_classes(self.draws))

    @property
    def ap_intervals(self) -> list[Interval]:
        """Of each class, likewise."""
        return [interval(of_class) for of_class in self.draws.T]

    @property
    def images_of_class(self) -> np.ndarray:
        """``(C,)`` how many images hold an object to find of each class."""
        truth = self.truth
        there = np.unique(np.column_stack([truth.labels, truth.images])[truth.counted], axis=0)
        return np.bincount(there[:, 0], minlength=len(truth.classes))

    @property
    def by_size(self) -> dict[str, tuple[int, float, float]]:
        """By the size of objects, how many there are to find, and their mean AP at IoU 0.5 and from 0.5 to 0.95."""
        return {
            name: (int(self.coco.objects[i].sum()), mean_of(self.coco.ap[i, 0]), mean_of(self.coco.ap[i]))
            for i, name in enumerate(SIZES)
        }

    @property
    def thresholds(self) -> dict[str, float]:
        """The best thresholds by class, for a model file; classes without a hit are not among them."""
        rows = zip(self.truth.classes, self.best, strict=True)
        return {name: round(best.threshold, 6) for name, best in rows if best is not None}

    def to_json(self) -> dict[str, Any]:
        """As values that ``json.dumps`` takes; what is not known is None."""
        classes = zip(self.truth.classes, self.voc.ap, self.voc.ap_11point, self.ap_intervals, self.best, strict=True)
        return plain(
            {
                "map": self.voc.map,
                "map_interval": asdict(self.map_interval),
                "map_11point": self.voc.map_11point,
                "coco": self.coco.figures,
                "classes": {
                    name: {"ap": ap, "ap_11point": ap_11, "interval": asdict(range_), "best": best and asdict(best)}
                    for name, ap, ap_11, range_, best in classes
                },
                "errors": {"counts": self.errors.counts, "gains": self.errors.gains},
                "confusion": self.confusion.tolist(),
                "sizes": {
                    name: {"objects": count, "ap50": ap50, "ap": ap} for name, (count, ap50, ap) in self.by_size.items()
                },
                "crowding": [asdict(group) for group in self.groups],
                "ece": self.calibration.ece,
            }
        )


def measure(truth: Truth, found: Found) -> Figures:
    """Measure detections in every way.

    Args:
        truth: the objects of a split.
        found: the detections.

    Returns:
        the figures.
    """
    case = judged(truth, found)
    best = best_thresholds(case)
    thresholds = threshold_array(best)
    return Figures(
        judged=case,
        voc=average_precisions(case.found, case.hits, case.positives),
        coco=coco(truth, found),
        draws=resampled_ap(case, draw_weights(len(truth.image_ids))),
        best=best,
        errors=tide(truth, found),
        confusion=confusion(truth, found, thresholds),
        groups=by_crowding(case, thresholds),
        calibration=calibration(case),
        mistakes=find_mistakes(case, thresholds),
    )


def plain(value: Any) -> Any:
    """A value for JSON: not a number becomes None."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else float(value)
    return value
