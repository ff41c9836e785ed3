"""Average precision of rare, common and frequent classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from multibox.data.rarity import RARITIES, Rarity, rarities
from multibox.evaluation.voc import mean_of


@dataclass(frozen=True)
class RarityGroup:
    """Results of the classes that are about equally frequent.

    Attributes:
        name: ``rare``, ``common`` or ``frequent``.
        images: Number of images that show each class of the group, by class name.
        ap50: Mean average precision of these classes (area, IoU 0.5), in [0, 1].
        ap: COCO's mean average precision of these classes, IoU 0.5 to 0.95, in [0, 1].
    """

    name: Rarity
    images: dict[str, int]
    ap50: float
    ap: float


def by_rarity(
    classes: Sequence[str], images_of_class: Mapping[str, int], ap50: np.ndarray, ap: np.ndarray
) -> list[RarityGroup]:
    """Average precision over rare, common and frequent classes.

    Args:
        classes: Names of the evaluated classes.
        images_of_class: Number of images that show each class, by class name. They decide on the groups. The counts of
            other classes take part.
        ap50: ``(C,)`` average precision of each evaluated class at IoU 0.5. NaN for a class without objects.
        ap: ``(C,)`` average precision of each evaluated class, IoU 0.5 to 0.95.

    Returns:
        The groups that have a class with objects, the rarest first. Empty if all these classes are of one group.
    """
    counts = {name: images_of_class.get(name, 0) for name in (*images_of_class, *classes)}
    group_of = rarities(counts)
    groups = []
    for rarity in RARITIES:
        rows = [i for i, name in enumerate(classes) if group_of[name] == rarity and not np.isnan(ap50[i])]
        if rows:
            own = {classes[i]: counts[classes[i]] for i in rows}
            groups.append(RarityGroup(rarity, own, mean_of(ap50[rows]), mean_of(ap[rows])))
    return groups if len(groups) > 1 else []
