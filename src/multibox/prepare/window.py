"""Crop windows: the rectangle of an image that a training example shows.

SSD puts an image on a larger canvas (zoom out), cuts a patch out of the canvas (zoom in) and resizes the patch. Each of
the three steps would copy pixels. Here the first two only move a rectangle, the *window*, in the coordinates of the
source image. It may reach beyond the image. ``render.py`` then renders its pixels once.
"""

from dataclasses import dataclass, replace

import numpy as np

from multibox import boxes as box
from multibox.config import Crop, Expand
from multibox.data.record import Objects


@dataclass(frozen=True)
class Window:
    """A crop window: a rectangle in pixels of the upright source image. It may reach beyond the image.

    Attributes:
        x0: Left edge, pixels of the image.
        y0: Upper edge, pixels of the image.
        x1: Right edge, pixels of the image.
        y1: Lower edge, pixels of the image.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Width of the rectangle, in pixels of the source image."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height of the rectangle, in pixels of the source image."""
        return self.y1 - self.y0


def whole(image_size: tuple[int, int]) -> Window:
    """The crop window that shows exactly the whole image.

    Args:
        image_size: Height and width of the image, pixels.

    Returns:
        Window with the edges of the image.
    """
    height, width = image_size
    return Window(0.0, 0.0, float(width), float(height))


def expand(window: Window, rng: np.random.Generator, config: Expand) -> Window:
    """Zoom out at random: to a larger crop window of the same shape, with the old window anywhere inside.

    This makes small objects out of large ones (SSD section 3.6; Caffe's ``ExpandImage``).

    Args:
        window: Crop window (rectangle of the source image) before zooming out.
        rng: Random generator.
        config: Probability of zooming out, and largest factor of width and height.

    Returns:
        The new window, or ``window`` itself if nothing changes.
    """
    if rng.random() >= config.probability:
        return window
    ratio = rng.uniform(1, config.ratio)
    left, top = rng.random(2) * (ratio - 1)
    x0, y0 = window.x0 - left * window.width, window.y0 - top * window.height
    return Window(x0, y0, x0 + ratio * window.width, y0 + ratio * window.height)


def crop(window: Window, boxes: np.ndarray, rng: np.random.Generator, config: Crop) -> Window:
    """Zoom in at random: to a smaller crop window that overlaps an object enough.

    This is the batch sampler of SSD section 2.2. There are seven samplers, and each proposes at most one candidate. One
    proposes the whole window. Five have a minimum IoU: each proposes the first of 50 random patches whose IoU with ANY
    object reaches it. The last proposes a patch without such a limit. All candidates are equally likely: the samplers
    are tried in a random order, and the first candidate is taken.

    Args:
        window: Crop window (rectangle of the source image) before zooming in.
        boxes: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, pixels of the source image.
        rng: Random generator.
        config: Probability of zooming in, minimum IoUs of the samplers, and ranges of a patch's scale and aspect ratio.

    Returns:
        The new window, or ``window`` itself if nothing changes.
    """
    if rng.random() >= config.probability:
        return window
    limits = (*config.min_iou, 0.0, None)  # 0: any patch; None: the whole window
    for which in rng.permutation(len(limits)):
        limit = limits[which]
        if limit is None:
            break
        patches = random_patches(window, rng, config)  # (T, 4)
        best = box.iou(patches, boxes).max(axis=1, initial=0)
        passing = np.flatnonzero(best >= limit)
        if len(passing):
            return Window(*patches[passing[0]].tolist())
    return window


def random_patches(window: Window, rng: np.random.Generator, config: Crop) -> np.ndarray:
    """Draw random patches inside a crop window, as Caffe's ``SampleBBox`` does.

    The aspect ratio is drawn from ``config.ratio``, narrowed to [s^2, 1/s^2] so that a patch of scale s fits.

    Args:
        window: Crop window (rectangle of the source image) to draw patches from.
        rng: Random generator.
        config: Ranges of scale and aspect ratio, and the number of trials T.

    Returns:
        ``(T, 4)`` corners x0, y0, x1, y1 of the patches, pixels of the source image.
    """
    scale, ratio, left, top = rng.random((4, config.trials))
    scale = config.scale[0] + scale * (config.scale[1] - config.scale[0])
    narrowest = np.maximum(config.ratio[0], scale**2)
    widest = np.minimum(config.ratio[1], 1 / scale**2)
    root = np.sqrt(narrowest + ratio * (widest - narrowest))
    width, height = scale * root, scale / root
    x0, y0 = left * (1 - width), top * (1 - height)
    relative = np.stack([x0, y0, x0 + width, y0 + height], axis=-1)
    return from_window(relative, window)


def letterbox(window: Window, size: tuple[int, int]) -> Window:
    """Enlarge a crop window to the aspect ratio of the output, so that nothing is stretched.

    Args:
        window: Crop window (rectangle of the source image), which will be in the middle of the result.
        size: Height and width of the output, pixels.

    Returns:
        The smallest window around ``window`` that has the aspect ratio of the output.
    """
    pixel = max(window.width / size[1], window.height / size[0])  # source pixels per output pixel
    more_x, more_y = (pixel * size[1] - window.width) / 2, (pixel * size[0] - window.height) / 2
    return Window(window.x0 - more_x, window.y0 - more_y, window.x1 + more_x, window.y1 + more_y)


def snap(window: Window, image_size: tuple[int, int], size: tuple[int, int]) -> Window:
    """Adjust a crop window by less than a pixel so that a single resize renders it exactly.

    An edge of the window inside the image moves to a border between two source pixels. An edge of the image inside the
    window moves to a border between two output pixels. Both moves are smaller than a pixel. Boxes are mapped through
    the adjusted window, so they fit its pixels exactly.

    Args:
        window: Window to adjust.
        image_size: Height and width of the source image, pixels.
        size: Height and width of the output, pixels.

    Returns:
        The window with its edges, or those of the image, on borders between pixels. Adjusting it again changes nothing.
    """
    x0, x1 = _snap_axis(window.x0, window.x1, image_size[1], size[1])
    y0, y1 = _snap_axis(window.y0, window.y1, image_size[0], size[0])
    return Window(x0, y0, x1, y1)


def _snap_axis(low: float, high: float, length: int, size: int) -> tuple[float, float]:
    source, output = overlap(low, high, length, size)
    if output.stop <= output.start:
        return low, high  # the image is not visible, so there is nothing to align
    pixel = (source.stop - source.start) / (output.stop - output.start)
    return source.start - output.start * pixel, source.stop + (size - output.stop) * pixel


def overlap(low: float, high: float, length: int, size: int) -> tuple[slice, slice]:
    """Find where a crop window and the image overlap along one axis.

    Args:
        low: Left or upper edge of the window, pixels of the source image.
        high: Right or lower edge of the window, pixels of the source image.
        length: Width or height of the source image, pixels.
        size: Width or height of the output, pixels.

    Returns:
        The visible source pixels, at least one, and the output pixels that show them. Both are empty if window and
        image do not overlap.
    """
    if min(high, length) <= max(low, 0):
        return slice(0, 0), slice(0, 0)
    pixel = (high - low) / size  # source pixels per output pixel
    first = min(round(max(low, 0)), length - 1)
    last = max(round(min(high, length)), first + 1)
    start = round((first - low) / pixel) if low < 0 else 0
    stop = round((last - low) / pixel) if high > length else size
    return slice(first, last), slice(start, stop)


def overlaps_image(window: Window, image_size: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether a crop window contains enough of the image to show it in at least one output pixel.

    Args:
        window: Crop window, a rectangle in pixels of the source image that may reach beyond its borders.
        image_size: Height and width of the source image, pixels.
        size: Height and width of the output, pixels.

    Returns:
        False if the output shows nothing but the fill colour.
    """
    across = overlap(window.x0, window.x1, image_size[1], size[1])[1]
    down = overlap(window.y0, window.y1, image_size[0], size[0])[1]
    return across.stop > across.start and down.stop > down.start


def to_window(boxes: np.ndarray, window: Window) -> np.ndarray:
    """Convert boxes from pixels of the source image to coordinates relative to a crop window.

    Args:
        boxes: ``(..., 4)`` corners x0, y0, x1, y1, pixels of the source image.
        window: Crop window (rectangle of the source image) whose edges become 0 and 1.

    Returns:
        ``(..., 4)`` corners x0, y0, x1, y1 relative to the window, of the type of ``boxes`` and not clipped. 0 and 1
        are the window's edges.
    """
    origin, extent = _frame(window)
    return ((boxes - origin) / extent).astype(boxes.dtype)


def from_window(boxes_rel: np.ndarray, window: Window) -> np.ndarray:
    """Convert boxes relative to a crop window to pixels of the source image: the inverse of :func:`to_window`."""
    origin, extent = _frame(window)
    return (boxes_rel * extent + origin).astype(boxes_rel.dtype)


def _frame(window: Window) -> tuple[np.ndarray, np.ndarray]:
    return np.array([window.x0, window.y0] * 2), np.array([window.width, window.height] * 2)


def look_through(objects: Objects, window: Window) -> Objects:
    """Find the objects that a crop window shows.

    An object stays if its centre lies in the window, and its box is clipped at the edges of the window. A box without
    an area is dropped, because the logarithm of its size is not finite. A crowd stays as long as a part of it is
    visible, because it only marks priors to ignore.

    Args:
        objects: N objects of the source image, their boxes in its pixels.
        window: Crop window: the rectangle of the source image that is shown.

    Returns:
        At most N objects, their boxes relative to the window.
    """
    boxes_rel = to_window(objects.boxes, window)
    center = (boxes_rel[:, :2] + boxes_rel[:, 2:]) / 2
    inside = ((center >= 0) & (center < 1)).all(axis=1) | objects.crowd
    clipped = box.clip(boxes_rel, 1, 1)
    has_area = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    return replace(objects, boxes=clipped).keep(inside & has_area)
