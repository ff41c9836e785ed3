"""The photo that all chapters look at: a rendered scene, so that anyone can build the guide without a download."""

import numpy as np

from multibox.data.record import Objects, make_objects
from multibox.data.sample import CLASSES, draw_scene

SIZE = 480
"""The photo's longer side, pixels."""


def scene(number: int, size: int = SIZE) -> tuple[np.ndarray, Objects]:
    """One of endlessly many scenes, none of which any network of this guide trains on.

    Args:
        number: which; the same number gives the same scene.
        size: of its longer side, pixels.

    Returns:
        ``(H, W, 3)`` uint8 RGB, and what is in it.
    """
    image, things = draw_scene(np.random.default_rng([2016, number]), size)
    labels = [CLASSES.index(thing.name) for thing in things]
    return image, make_objects([thing.box for thing in things], labels)


PHOTO, OBJECTS = scene(58)
HEIGHT, WIDTH = PHOTO.shape[:2]
NAMES = ["mug", "large gear", "small gear", "fish"]
"""What the objects are called here; their classes are mug, gear, gear and fish."""
