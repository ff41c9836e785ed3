"""One shot of an image, drawn and taken."""

from multibox.prepare.shot import draw_shot, take_shot


def shoot(image, objects, rng, config, size, resize="warp"):
    """Draw a shot and take it: ``(*size, 3)`` uint8, and the objects in it."""
    return take_shot(image, objects, draw_shot(rng, config, objects, image.shape[:2], size, resize), size)
