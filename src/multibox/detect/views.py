"""Views: an image, or a part of it, as the network is shown it: once, or mirrored and smaller as well."""

from dataclasses import dataclass

import numpy as np

from multibox.errors import BadInput
from multibox.prepare.mirror import mirror_boxes
from multibox.prepare.render import render
from multibox.prepare.window import Window, from_window, letterbox, snap


@dataclass(frozen=True)
class Tta:
    """Test-time augmentation: what each image is shown as, besides itself.

    Attributes:
        flip: whether each view is also mirrored.
        scales: how large the image is in the network's input; 1 fills it. What is left free is of the mean colour.
    """

    flip: bool = True
    scales: tuple[float, ...] = (1.0, 0.83)

    def __post_init__(self) -> None:
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise BadInput("tta", f"the scales {self.scales} are not above 0 and at most 1; give such as (1, 0.83)")


AS_IT_IS = Tta(flip=False, scales=(1.0,))


@dataclass(frozen=True)
class View:
    """What one input of the network shows.

    Attributes:
        window: the part of the image.
        mirrored: whether left and right are exchanged.
    """

    window: Window
    mirrored: bool = False

    def to_image(self, boxes_rel: np.ndarray) -> np.ndarray:
        """Boxes ``(K, 4)`` relative to the network's input, in pixels of the image."""
        return from_window(mirror_boxes(boxes_rel) if self.mirrored else boxes_rel, self.window)


def views_of(region: Window, image_size: tuple[int, int], size: tuple[int, int], resize: str, tta: Tta) -> list[View]:
    """The views of a part of an image.

    Args:
        region: the part.
        image_size: height and width of the image, pixels.
        size: height and width of the network's input, pixels.
        resize: ``warp`` or ``letterbox``, as the network was trained.
        tta: which there are.

    Returns:
        at least one.
    """
    filled = letterbox(region, size) if resize == "letterbox" else region
    windows = [snap(_zoom_out(filled, scale), image_size, size) for scale in tta.scales]
    return [View(window, mirrored) for window in windows for mirrored in ((False, True) if tta.flip else (False,))]


def show(image: np.ndarray, view: View, size: tuple[int, int]) -> np.ndarray:
    """The network's input ``(*size, 3)`` uint8 that shows a view of an image ``(H, W, 3)``."""
    return render(image, view.window, size, mirror=view.mirrored)


def _zoom_out(window: Window, scale: float) -> Window:
    """The window of which the old one fills the middle, at ``scale`` of its width and height."""
    x, y = window.width * (1 / scale - 1) / 2, window.height * (1 / scale - 1) / 2
    return Window(window.x0 - x, window.y0 - y, window.x1 + x, window.y1 + y)
