"""The photo of all chapters: a rendered scene, so that anyone can build the guide without a download."""

import numpy as np

from multibox.data.record import Objects, make_objects
from multibox.data.sample import CLASSES, draw_scene

SIZE = 480
"""Longer side of the photo, pixels."""


def scene(number: int, size: int = SIZE) -> tuple[np.ndarray, Objects]:
    """Render one of endlessly many scenes. No network of this guide trains on any of them.

    Args:
        number: Number of the scene. The same number gives the same scene.
        size: Length of the longer side, pixels.

    Returns:
        ``(H, W, 3)`` uint8 RGB, and its objects.
    """
    image, things = draw_scene(np.random.default_rng([2016, number]), size)
    labels = [CLASSES.index(thing.name) for thing in things]
    return image, make_objects([thing.box for thing in things], labels)


PHOTO, OBJECTS = scene(58)
HEIGHT, WIDTH = PHOTO.shape[:2]
NAMES = ["mug", "large gear", "small gear", "fish"]
"""Names of the objects in the guide. Their classes are mug, gear, gear and fish."""
