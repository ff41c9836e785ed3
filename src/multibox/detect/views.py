"""Test-time augmentation: a view is an image or a region as the network gets it, possibly mirrored or smaller."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from multibox.errors import BadInput
from multibox.prepare.mirror import mirror_boxes
from multibox.prepare.render import render
from multibox.prepare.window import Window, from_window, letterbox, snap


@dataclass(frozen=True)
class Tta:
    """Test-time augmentation: the scales at which each region of an image is searched, and whether also mirrored.

    Attributes:
        flip: Whether each region is also searched mirrored.
        scales: Sizes of the image relative to the network's input, above 0 and at most 1. A scale of 1 fills the input.
            The space around a smaller image has the mean colour.

    Raises:
        BadInput: ``scales`` is empty, or has a scale that is not above 0 and at most 1.
    """

    flip: bool = True
    scales: tuple[float, ...] = (1.0, 0.83)

    def __post_init__(self) -> None:
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise BadInput("tta", f"the scales {self.scales} must each be above 0 and at most 1, such as (1, 0.83)")


AS_IT_IS: Final = Tta(flip=False, scales=(1.0,))
"""A single view, neither mirrored nor smaller: no test-time augmentation."""


@dataclass(frozen=True)
class View:
    """A view: what one input of the network shows of an image.

    Attributes:
        window: Part of the image that fills the network's input, in pixels of the image. It may reach beyond the image.
        mirrored: Whether left and right are exchanged.
    """

    window: Window
    mirrored: bool = False

    def render(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Render the network's input.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.
            size: Height and width of the network's input, pixels.

        Returns:
            ``(*size, 3)`` uint8 RGB, the view at the network's input size.
        """
        return render(image, self.window, size, mirror=self.mirrored)

    def to_image(self, boxes_rel: np.ndarray) -> np.ndarray:
        """Convert boxes ``(K, 4)`` relative to the network's input to pixels of the image."""
        return from_window(mirror_boxes(boxes_rel) if self.mirrored else boxes_rel, self.window)


def make_views(region: Window, image_size: tuple[int, int], size: tuple[int, int], resize: str, tta: Tta) -> list[View]:
    """Make the views of a region of an image.

    Args:
        region: Part of the image to view, in pixels of the image.
        image_size: Height and width of the image, pixels.
        size: Height and width of the network's input, pixels.
        resize: Kind of resize that the network was trained with: ``warp`` or ``letterbox``.
        tta: Scales of the views, and whether each view is repeated mirrored.

    Returns:
        One view for each scale, followed by its mirror image if ``tta.flip``.
    """
    filled = letterbox(region, size) if resize == "letterbox" else region
    windows = [snap(_zoom_out(filled, scale), image_size, size) for scale in tta.scales]
    return [View(window, mirrored) for window in windows for mirrored in ((False, True) if tta.flip else (False,))]


def _zoom_out(window: Window, scale: float) -> Window:
    """The larger window in whose middle the old one takes ``scale`` of the width and height."""
    x, y = window.width * (1 / scale - 1) / 2, window.height * (1 / scale - 1) / 2
    return Window(window.x0 - x, window.y0 - y, window.x1 + x, window.y1 + y)
