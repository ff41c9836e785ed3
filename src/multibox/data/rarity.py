"""Rare, common and frequent classes, by the number of images that show them.

LVIS (arXiv 1908.03195) calls a class rare in up to 10 training images and frequent in more than 100, whatever the size
of the dataset. Here the bounds grow with the most frequent class. If that is in 200 to 300 images, they are about those
of LVIS.
"""

from collections.abc import Mapping
from typing import Final, Literal

Rarity = Literal["rare", "common", "frequent"]

RARITIES: Final[tuple[Rarity, ...]] = ("rare", "common", "frequent")
FEW_IMAGES: Final = 10
"""A class that is not frequent is rare in up to this number of images, however small the dataset."""

RARE_SHARE, FREQUENT_SHARE = 1 / 20, 1 / 3
"""Bounds of rare and of frequent classes, as a share of the images of the most frequent class."""


def rarities(images_of_class: Mapping[str, int]) -> dict[str, Rarity]:
    """Say for each class whether it is rare, common or frequent.

    Args:
        images_of_class: Number of images that show each class, by class name.

    Returns:
        The group of each class, by class name: ``frequent`` from a third of the images of the most frequent class,
        ``rare`` up to a twentieth of them or up to 10 images, ``common`` between these.
    """
    most = max(images_of_class.values(), default=0)
    return {name: _rarity(images, most) for name, images in images_of_class.items()}


def _rarity(images: int, most: int) -> Rarity:
    if images >= FREQUENT_SHARE * most:
        return "frequent"
    return "rare" if images <= max(FEW_IMAGES, RARE_SHARE * most) else "common"
