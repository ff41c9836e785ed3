"""What ``data.balance`` would do for the rare classes of a dataset."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from multibox.annotations.counting import some
from multibox.data.presence import Presence
from multibox.data.rarity import rarities
from multibox.prepare.balance import class_factors, proposed_threshold, repeat_factors


@dataclass(frozen=True)
class ClassBalance:
    """The effect of ``data.balance`` on the classes of a training split.

    Attributes:
        threshold: Value of ``data.balance``.
        rare: Repeat factor of each rare class that has images, by class name.
        growth: Mean repeat factor of the images: a pass over the data has this many times as many examples.
    """

    threshold: float
    rare: dict[str, float]
    growth: float

    def to_json(self) -> dict[str, Any]:
        """The effect as values for ``json.dumps``."""
        return asdict(self)


def balance_of(presence: Presence, threshold: float = 0.0) -> ClassBalance | None:
    """Compute what repeat-factor sampling would do for rare classes.

    Args:
        presence: The images of the training split, and the classes that each one shows.
        threshold: Value of ``data.balance``. 0 takes the proposed one.

    Returns:
        The effect. None if no class with images is rare.
    """
    rare = [
        label
        for label, (name, rarity) in enumerate(rarities(presence.images_by_name).items())
        if rarity == "rare" and presence.images_by_name[name]
    ]
    if not rare:
        return None
    threshold = threshold or proposed_threshold(presence)
    of_class = class_factors(presence.images_of_class, presence.images, threshold)
    factors = {presence.classes[label]: round(float(of_class[label]), 2) for label in rare}
    return ClassBalance(threshold, factors, round(float(np.mean(repeat_factors(presence, threshold))), 2))


def balance_line(balance: ClassBalance) -> str:
    """Describe in one or two sentences what ``data.balance`` would do."""
    if max(balance.rare.values()) <= 1:
        return f"data.balance={balance.threshold:g} would draw no rare class more often; set it to a larger share."
    rarest = sorted(balance.rare.items(), key=lambda row: -row[1])
    listed = some([f"{name} {factor:.1f}" for name, factor in rarest], 5)
    return (
        f"data.balance={balance.threshold:g} would draw the images of rare classes more often than those without one: "
        f"{listed} times. A pass over the data would have {balance.growth:.1f} times as many examples."
    )
