"""All metrics in the report of an evaluation."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from multibox.evaluation.bootstrap import (
    Interval,
    draw_weights,
    interval,
    mean_over_classes,
    resampled_ap,
)
from multibox.evaluation.by_rarity import RarityGroup, by_rarity
from multibox.evaluation.calibration import Calibration, calibration
from multibox.evaluation.coco import SIZES, CocoResult, coco
from multibox.evaluation.columns import Found, Truth
from multibox.evaluation.confusion import confusion
from multibox.evaluation.crowding import Group, by_crowding
from multibox.evaluation.json_values import without_nan
from multibox.evaluation.mistakes import Mistakes, find_mistakes
from multibox.evaluation.outcomes import Outcomes, find_outcomes
from multibox.evaluation.thresholds import BestThreshold, best_thresholds, threshold_array
from multibox.evaluation.tide import Errors, tide
from multibox.evaluation.voc import VocResult, average_precisions, mean_of


@dataclass(frozen=True, eq=False)
class Figures:
    """All measures of detections in a test set. Each one is computed when it is first read.

    Attributes:
        truth: Objects of the test set.
        found: Detections in the test set.
        trained_images: Number of training images that show each class, by class name. Empty if they are unknown.
    """

    truth: Truth
    found: Found
    trained_images: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def outcomes(self) -> Outcomes:
        """Hits and false alarms at IoU 0.5."""
        return find_outcomes(self.truth, self.found)

    @cached_property
    def voc(self) -> VocResult:
        """Results of PASCAL VOC's metric at IoU 0.5, with AP both as area and at 11 points."""
        return average_precisions(self.outcomes.found, self.outcomes.hits, self.outcomes.positives)

    @cached_property
    def coco(self) -> CocoResult:
        """Average precision and recall by COCO's metric: by IoU, object size and class."""
        return coco(self.truth, self.found)

    @cached_property
    def draws(self) -> np.ndarray:
        """``(R, C)`` average precision by bootstrap draw and class."""
        return resampled_ap(self.outcomes, draw_weights(len(self.truth.image_ids)))

    @cached_property
    def best(self) -> list[BestThreshold | None]:
        """Score threshold with the best F1, for each class. None for a class without a correct detection."""
        return best_thresholds(self.outcomes)

    @cached_property
    def errors(self) -> Errors:
        """Errors by kind, as TIDE defines them, with the gain in mAP from fixing each kind."""
        return tide(self.truth, self.found)

    @cached_property
    def confusion(self) -> np.ndarray:
        """``(C + 1, C + 1)`` counts of detections, at each class's score threshold with the best F1.

        Rows are the classes of objects, columns those of detections. The background is last in both.
        """
        return confusion(self.truth, self.found, threshold_array(self.best))

    @cached_property
    def groups(self) -> list[Group]:
        """Results by the number of objects in an image, at the thresholds with the best F1."""
        return by_crowding(self.outcomes, threshold_array(self.best))

    @cached_property
    def calibration(self) -> Calibration:
        """Calibration of the scores: the share of hits by score."""
        return calibration(self.outcomes)

    @cached_property
    def mistakes(self) -> Mistakes:
        """Mistakes in each image at the thresholds with the best F1."""
        return find_mistakes(self.outcomes, threshold_array(self.best))

    @property
    def map_interval(self) -> Interval:
        """95% bootstrap interval of the mean average precision (area, IoU 0.5)."""
        return interval(mean_over_classes(self.draws))

    @property
    def ap_intervals(self) -> list[Interval]:
        """95% bootstrap interval of the average precision of each class (area, IoU 0.5)."""
        return [interval(of_class) for of_class in self.draws.T]

    @property
    def images_of_class(self) -> np.ndarray:
        """``(C,)`` number of images that contain an object to find of each class."""
        truth = self.truth
        there = np.unique(np.column_stack([truth.labels, truth.images])[truth.counted], axis=0)
        return np.bincount(there[:, 0], minlength=len(truth.classes))

    @property
    def by_size(self) -> dict[str, tuple[int, float, float]]:
        """For each object size: the number of objects, the mean AP at IoU 0.5, and the mean AP from 0.5 to 0.95."""
        return {
            name: (int(self.coco.objects[i].sum()), mean_of(self.coco.ap[i, 0]), mean_of(self.coco.ap[i]))
            for i, name in enumerate(SIZES)
        }

    @cached_property
    def rarity(self) -> list[RarityGroup]:
        """Results of rare, common and frequent classes, by their training images, or their test images if unknown.

        Empty if all classes are of one group.
        """
        classes = self.truth.classes
        tested = dict(zip(classes, self.images_of_class.tolist(), strict=True))
        coco_ap = np.array([mean_of(of_class) for of_class in self.coco.ap[0].T])
        return by_rarity(classes, self.trained_images or tested, self.voc.ap, coco_ap)

    @property
    def thresholds(self) -> dict[str, float]:
        """Score threshold with the best F1, by class name. Classes without a correct detection are missing."""
        rows = zip(self.truth.classes, self.best, strict=True)
        return {name: round(best.threshold, 6) for name, best in rows if best is not None}

    def rarity_to_json(self) -> dict[str, Any] | None:
        """Results of rare, common and frequent classes as a dictionary. None if all classes are of one group."""
        if not self.rarity:
            return None
        groups: dict[str, Any] = {
            group.name: {"ap50": group.ap50, "ap": group.ap, "images": group.images} for group in self.rarity
        }
        return {"images_of": "training" if self.trained_images else "test", **groups}

    def to_json(self) -> dict[str, Any]:
        """The figures as a dictionary that can be written as JSON. NaN becomes None."""
        classes = zip(self.truth.classes, self.voc.ap, self.voc.ap_11point, self.ap_intervals, self.best, strict=True)
        return without_nan(
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
                "rarity": self.rarity_to_json(),
                "crowding": [asdict(group) for group in self.groups],
                "ece": self.calibration.ece,
            }
        )
