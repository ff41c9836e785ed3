"""Movement of the camera between two frames."""

import cv2
import numpy as np
import pytest

from multibox.tracking.camera import Camera

NONE = np.zeros((0, 4))


def texture(height, width, seed=0):
    noise = np.random.default_rng(seed).normal(0, 1, (height, width)).astype(np.float32)
    image = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), None, 0, 255, cv2.NORM_MINMAX)
    return np.repeat(image.astype(np.uint8)[..., None], 3, axis=2)


def seen(scene, x, y, size=(240, 320)):
    """The part of a scene that a camera sees."""
    return scene[100 + y : 100 + y + size[0], 100 + x : 100 + x + size[1]]


@pytest.mark.parametrize(("x", "y"), [(0, 0), (6, 0), (-9, 5), (20, -16)])
def test_a_shift_is_measured(x, y):
    scene, camera = texture(500, 600), Camera()
    camera.shift(seen(scene, 0, 0), NONE)
    assert camera.shift(seen(scene, x, y), NONE) == pytest.approx([-x, -y], abs=1)


def test_an_object_that_moves_is_no_movement_of_the_camera():
    scene, thing, camera = texture(500, 600), texture(60, 60, seed=1), Camera()
    for n in range(5):
        image = seen(scene, 0, 0).copy()
        image[80:140, 20 + 20 * n : 80 + 20 * n] = thing
        box = np.array([[20 + 20 * n, 80, 80 + 20 * n, 140]])
        assert camera.shift(image, box) == pytest.approx([0, 0], abs=0.5)


def test_frames_that_do_not_fit_together_give_no_shift():
    camera = Camera()
    for seed in range(4):
        assert camera.shift(texture(240, 320, seed), NONE).tolist() == [0, 0]


def test_even_frames_and_frames_of_another_size_give_no_shift():
    camera = Camera()
    for image in (np.zeros((240, 320, 3)), np.zeros((240, 320, 3)), np.full((7, 9, 3), 40), np.full((480, 20, 3), 1)):
        assert camera.shift(image.astype(np.uint8), NONE).tolist() == [0, 0]
