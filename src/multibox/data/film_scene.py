"""Renders the frames of a video: the same cutouts move over the same backdrop, before the same camera."""

from math import ceil, cos, hypot, pi, sin

import cv2
import numpy as np

from multibox.data.backdrop import draw_backdrop
from multibox.data.camera import draw_camera
from multibox.data.motion import Motion, Scenario
from multibox.data.paste import Thing, overlap
from multibox.data.shapes import SHADE, cast_shadow, draw_thing, visible_colour

Generator = np.random.Generator


class FilmScene:
    """Everything that the frames of a video share.

    Args:
        scenario: What happens in the video.
        width: Width of a frame, pixels.
        height: Height of a frame, pixels.
        rng: Random generator of what is drawn, and then of each frame's noise. Frames in the same order get the same
            noise.
    """

    def __init__(self, scenario: Scenario, width: int, height: int, rng: Generator):
        self._width, self._height, self._shake, self._rng = width, height, scenario.shake, rng
        self._margin = ceil(np.abs(scenario.shake).max()) + 1
        self._backdrop = draw_backdrop(height + 2 * self._margin, width + 2 * self._margin, rng)
        light = rng.uniform(-pi, pi)
        self._actors = [_Actor(motion, self._backdrop, light, rng) for motion in scenario.motions]
        self._camera = draw_camera(height, width, light, rng)

    def frame(self, number: int) -> tuple[np.ndarray, list[Thing]]:
        """Render a frame.

        Args:
            number: Number of the frame, from 0.

        Returns:
            ``(H, W, 3)`` uint8 RGB, and all objects in the order of the scenario, each with its visible part. The mask
            of an object that is hidden or outside is empty.
        """
        x, y = self._shake[number] - self._margin
        shift = np.array([[1, 0, x], [0, 1, y]])
        image = cv2.warpAffine(self._backdrop, shift, (self._width, self._height))
        things: list[Thing] = []
        for actor in self._actors:
            alpha, whole = actor.draw(image, number, self._shake[number])
            for thing in things:
                thing.mask[alpha > 0.5] = False
            things.append(Thing(actor.kind, whole, alpha > 0.5))
        return self._camera.photograph(image, self._rng), things


class _Actor:
    """An object that moves through the scene: drawn once, and placed in each frame."""

    def __init__(self, motion: Motion, backdrop: np.ndarray, light: float, rng: Generator):
        self.kind, self._motion = motion.kind, motion
        self._side = float(motion.sides.max())
        colour = visible_colour(backdrop, motion.centers.mean(axis=0), rng)
        cutout = draw_thing(motion.kind, self._side, colour, light, rng)
        self._shadow, reach = cast_shadow(cutout)
        self._away = -reach * np.array([cos(light), sin(light)])
        self._layers = np.dstack([cutout.colour * cutout.alpha[..., None], cutout.alpha])

    def draw(self, image: np.ndarray, frame: int, shake: np.ndarray) -> tuple[np.ndarray, int]:
        """Draw the object and its shadow into ``image``.

        Returns:
            ``(H, W)`` float32 opacity in the image, and the number of pixels of the whole object, including those
            beyond the image.
        """
        center, turn = self._motion.centers[frame] + shake, float(self._motion.turns[frame])
        scale = float(self._motion.sides[frame]) / self._side
        soft, corner = _place(self._shadow, center + scale * self._away, scale, turn)
        there, here = overlap(image, soft, corner)
        image[there] *= 1 - SHADE * soft[here][..., None]
        layers, corner = _place(self._layers, center, scale, turn)
        there, here = overlap(image, layers, corner)
        image[there] += layers[here][..., :3] - image[there] * layers[here][..., 3:]
        alpha = np.zeros(image.shape[:2], np.float32)
        alpha[there] = layers[here][..., 3]
        return alpha, int((layers[..., 3] > 0.5).sum())


def _place(layers: np.ndarray, center: np.ndarray, scale: float, turn: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Scale and rotate layers, and bring their centre to a point between pixels.

    Returns:
        The layers in a window that holds them whole, and the window's upper left pixel ``x, y`` in the image.
    """
    rows, columns = layers.shape[:2]
    reach = ceil(scale * hypot(rows, columns) / 2) + 2
    x, y = (int(value) - reach for value in np.floor(center))
    rotation = scale * np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]])
    middle = np.array([columns / 2, rows / 2]) - 0.5  # warpAffine counts from the centre of the first pixel
    shift = center - 0.5 - (x, y) - rotation @ middle
    matrix = np.column_stack([rotation, shift])
    return cv2.warpAffine(layers, matrix, (2 * reach + 1, 2 * reach + 1)), (x, y)
