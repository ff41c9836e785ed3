"""From an image to the inputs of the network: the image cut into regions, and each region rendered in its views."""

from dataclasses import dataclass

import numpy as np

from multibox.detect.views import AS_IT_IS, Tta, View, make_views
from multibox.models.schema import Schema
from multibox.postprocess.tiles import Tiles
from multibox.prepare.window import Window, whole


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image that is ready for the network.

    Attributes:
        inputs: ``(V, H, W, 3)`` uint8 RGB: an image of the network's input size for each of the V views.
        views: The V views, those of the first region first.
        regions: Parts of the image that are searched, in pixels of the image. Each has the same number of views.
        image_size: Height and width of the image, pixels.
        image: ``(H, W, 3)`` uint8 RGB, the image itself. None if it was not kept to draw on.
    """

    inputs: np.ndarray
    views: tuple[View, ...]
    regions: tuple[Window, ...]
    image_size: tuple[int, int]
    image: np.ndarray | None = None


def prepare_image(
    image: np.ndarray, schema: Schema, *, tiles: Tiles | None = None, tta: Tta = AS_IT_IS, keep: bool = False
) -> Prepared:
    """Prepare an image for detection: photo in, network inputs out.

    Args:
        image: ``(H, W, 3)`` uint8 RGB, upright.
        schema: Schema of the network, which holds the input size and the kind of resize.
        tiles: Tiles into which the image is cut. None makes the whole image the only region.
        tta: Views in which the network sees each region.
        keep: Whether to keep the image with the result, to draw on.

    Returns:
        Network inputs, and what is needed to map boxes back to the image.

    Raises:
        BadInput: The image would have too many tiles.
    """
    image_size, size = (image.shape[0], image.shape[1]), schema.network.size
    regions = tiles.regions(image_size) if tiles else [whole(image_size)]
    views = [view for region in regions for view in make_views(region, image_size, size, schema.resize, tta)]
    inputs = np.stack([view.render(image, size) for view in views])
    return Prepared(inputs, tuple(views), tuple(regions), image_size, image if keep else None)
