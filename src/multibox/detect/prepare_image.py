"""Makes the inputs of the network from an image.

The image is cut into regions. Each region is rendered, and on request also mirrored or smaller.
"""

from dataclasses import dataclass

import numpy as np

from multibox.detect.views import AS_IT_IS, Tta, View, make_views
from multibox.models.schema import Schema
from multibox.prepare.tiles import Tiles
from multibox.prepare.window import Window, whole


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image that is ready for the network.

    Attributes:
        inputs: ``(V, H, W, 3)`` uint8 RGB: an image of the network's input size for each of the V views.
        views: The V views: what each input shows of the image. The views of the first region come first.
        regions: Rectangles of the image that are searched (the whole image, or it and its tiles), in pixels of the
            image. Each has the same number of views.
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
    """Make the network inputs of an image.

    Args:
        image: ``(H, W, 3)`` uint8 RGB, upright.
        schema: Schema of the network, which holds the input size and the kind of resize.
        tiles: Tiles into which the image is cut. None searches the whole image only.
        tta: Scales at which each region is rendered, and whether it is also rendered mirrored.
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
