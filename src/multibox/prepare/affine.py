"""Affine augmentation: rotates, shears, zooms and shifts an image in a single resampling of its pixels.

The bounding box of a rotated box is too large. It reaches to the rotated corners, where objects rarely are, and would
teach the network to leave a margin around objects. Most objects are rounder than their boxes. So the new box bounds the
moved *ellipse* that touches the sides of the old box. A linear map ``[[a, b], [c, d]]`` takes the ellipse's points
``(w/2 cos t, h/2 sin t)`` to ``x = a w/2 cos t + b h/2 sin t``. Its maximum over all t is the length of the vector of
the two coefficients:

    half-extent along x = sqrt((a w/2)^2 + (b h/2)^2),    along y = sqrt((c w/2)^2 + (d h/2)^2)

Without a rotation, the result is the box itself. A square box keeps its size at any angle. Kalra et al., "Towards
Rotation Invariance in Object Detection" (ICCV 2021), derive the ellipse as the best guess at an unknown shape. They
also find that rotation often does more harm than good with the box around the rotated corners.
"""

from dataclasses import replace

import cv2
import numpy as np

from multibox import boxes as box
from multibox.config import Affine
from multibox.data.record import Objects
from multibox.prepare.render import MEAN_RGB
from multibox.prepare.window import from_window, look_through, whole

IDENTITY = np.eye(2, 3)
IDENTITY.flags.writeable = False


def affine_matrix(rng: np.random.Generator, config: Affine, size: tuple[int, int]) -> np.ndarray:
    """Draw a random affine map that zooms, then shears, then rotates around the centre of the image, then shifts.

    Args:
        rng: Random generator.
        config: Configuration of the affine map: its probability, and the ranges of zoom, shear, rotation and shift.
        size: Height and width of the image, pixels.

    Returns:
        ``(2, 3)`` float64 matrix. ``matrix @ (x, y, 1)`` is the new position of a point in pixels (the centre of the
        first pixel is 0.5, 0.5). :data:`IDENTITY` if nothing changes.
    """
    if rng.random() >= config.probability:
        return IDENTITY
    turn = np.deg2rad(rng.uniform(-config.degrees, config.degrees))
    lean_x, lean_y = np.tan(np.deg2rad(rng.uniform(-config.shear, config.shear, 2)))
    scale = rng.uniform(*config.scale)
    shift = rng.uniform(-config.translate, config.translate, 2)

    extent = np.array(size[::-1], float)  # width, height
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])  # clockwise: y points down
    linear = scale * rotation @ np.array([[1, lean_x], [lean_y, 1]])
    middle = extent / 2
    return np.column_stack([linear, middle - linear @ middle + shift * extent])


def affine(image: np.ndarray, objects_rel: Objects, matrix: np.ndarray) -> tuple[np.ndarray, Objects]:
    """Move every point of an image, and its objects, by an affine map.

    Objects are then kept and clipped as :func:`~multibox.prepare.window.look_through` does. An object whose centre
    leaves the image is dropped. A crowd stays as long as a part of it is visible.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        objects_rel: N objects, their boxes relative to the image.
        matrix: ``(2, 3)`` affine map, as :func:`affine_matrix` returns it.

    Returns:
        The moved image, ``(H, W, 3)`` uint8 RGB, and at most N objects. Pixels that come from beyond the image have the
        mean colour. If the matrix is the identity, the image itself is returned.
    """
    if np.array_equal(matrix, IDENTITY):
        return image, objects_rel
    # OpenCV counts from the centre of the first pixel, Multibox from its edge.
    centers = matrix.copy()
    centers[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    output = cv2.warpAffine(
        image, centers, image.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=MEAN_RGB
    )
    window = whole(image.shape[:2])
    boxes = move_boxes(from_window(objects_rel.boxes, window), objects_rel.crowd, matrix)
    return output, look_through(replace(objects_rel, boxes=boxes), window)


def move_boxes(boxes: np.ndarray, crowd: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Move boxes as :func:`affine` moves pixels.

    A crowd does fill the corners of its box, so its new box bounds the moved corners: half-extent along x = |a| w/2 +
    |b| h/2.

    Args:
        boxes: ``(N, 4)`` corners x0, y0, x1, y1, pixels.
        crowd: ``(N,)`` bool, true for crowds.
        matrix: ``(2, 3)`` affine map, as :func:`affine_matrix` returns it.

    Returns:
        ``(N, 4)`` corners x0, y0, x1, y1 of the moved boxes, pixels, of the type of ``boxes`` and not clipped to the
        image.
    """
    linear, shift = matrix[:, :2], matrix[:, 2]
    centers = box.to_centers(boxes.astype(float))
    middle, half = centers[:, :2], centers[:, 2:] / 2
    of_ellipse = np.sqrt(half**2 @ linear.T**2)
    of_corners = half @ np.abs(linear).T
    half = np.where(crowd[:, None], of_corners, of_ellipse)
    middle = middle @ linear.T + shift
    return np.concatenate([middle - half, middle + half], axis=1).astype(boxes.dtype)
