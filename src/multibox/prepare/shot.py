"""A shot: the random crop window, resize filter, mirroring and colours with which one image is rendered.

Everything random is drawn first, as plain data (:func:`draw_shot`). Then the pixels are rendered once
(:func:`take_shot`). Explanations render shots without some of the changes, to show the steps in between.
"""

from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np

from multibox.config import Augment
from multibox.data.record import Objects
from multibox.prepare.distort import AS_PHOTOGRAPHED, Colors, distort, draw_colors
from multibox.prepare.mirror import flip_boxes, mirror_boxes
from multibox.prepare.render import INTERPOLATIONS, render
from multibox.prepare.window import Window, crop, expand, letterbox, look_through, overlaps_image, snap, whole


@dataclass(frozen=True)
class Shot:
    """The random decisions on how one image is rendered: crop window, filter, mirroring and colours.

    Attributes:
        expanded: Rectangle of the source image after zooming out (expansion), in pixels of the image. It may reach
            beyond the image.
        cropped: Rectangle of the source image after zooming in (crop), in pixels of the image.
        window: Rectangle of the source image that is rendered: ``cropped``, aligned with the pixels of image and
            output.
        interpolation: Filter of the resize, an ``INTER_`` constant of OpenCV.
        mirror: Whether left and right are exchanged.
        flip: Whether top and bottom are exchanged.
        colors: Change of light and colour.
    """

    expanded: Window
    cropped: Window
    window: Window
    interpolation: int = cv2.INTER_LINEAR
    mirror: bool = False
    flip: bool = False
    colors: Colors = AS_PHOTOGRAPHED


def draw_shot(
    rng: np.random.Generator,
    config: Augment,
    objects: Objects,
    image_size: tuple[int, int],
    size: tuple[int, int],
    resize: str = "warp",
) -> Shot:
    """Draw the random decisions on how an image is rendered.

    Args:
        rng: Random generator.
        config: Probability and range of each change.
        objects: Objects of the image, their boxes in pixels of the image.
        image_size: Height and width of the image, pixels.
        size: Height and width of the output, pixels.
        resize: Kind of resize: ``warp`` stretches the crop to the output size, ``letterbox`` pads it.

    Returns:
        Crop window, filter, mirroring and colours with which to render the image.
    """
    expanded = expand(whole(image_size), rng, config.expand)
    cropped = crop(expanded, objects.boxes[~objects.crowd], rng, config.crop)
    window = letterbox(cropped, size) if resize == "letterbox" else cropped
    window = snap(window, image_size, size)
    interpolation = INTERPOLATIONS[rng.integers(len(INTERPOLATIONS))]
    mirror, flip = rng.random(2) < (config.mirror, config.flip)
    colors = AS_PHOTOGRAPHED
    if overlaps_image(window, image_size, size):  # else there are no colours to change
        colors = draw_colors(rng, config.distort)
    return Shot(expanded, cropped, window, interpolation, bool(mirror), bool(flip), colors)


def take_shot(image: np.ndarray, objects: Objects, shot: Shot, size: tuple[int, int]) -> tuple[np.ndarray, Objects]:
    """Render an image with given random decisions, and map its objects to the output.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        objects: N objects of the image, their boxes in pixels of the image.
        shot: Crop window, filter, mirroring and colours, as :func:`draw_shot` returns them.
        size: Height and width of the output, pixels.

    Returns:
        ``(*size, 3)`` uint8 RGB, and at most N objects, their boxes relative to the output.
    """
    output = render(
        image,
        shot.window,
        size,
        interpolation=shot.interpolation,
        mirror=shot.mirror,
        flip=shot.flip,
        recolor=partial(distort, colors=shot.colors),
    )
    objects_rel = look_through(objects, shot.window)
    if shot.mirror:
        objects_rel = replace(objects_rel, boxes=mirror_boxes(objects_rel.boxes))
    if shot.flip:
        objects_rel = replace(objects_rel, boxes=flip_boxes(objects_rel.boxes))
    return output, objects_rel
