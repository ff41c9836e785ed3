import numpy as np
import pytest

from multibox.prepare.mirror import flip_boxes, mirror_boxes

BOXES = np.array([[0.1, 0.2, 0.4, 0.9], [0, 0, 1, 1]], np.float32)


def test_worked_by_hand():
    np.testing.assert_allclose(mirror_boxes(BOXES), [[0.6, 0.2, 0.9, 0.9], [0, 0, 1, 1]])
    np.testing.assert_allclose(flip_boxes(BOXES), [[0.1, 0.1, 0.4, 0.8], [0, 0, 1, 1]], atol=1e-7)


@pytest.mark.parametrize("turn", [mirror_boxes, flip_boxes])
def test_twice_changes_nothing(turn):
    np.testing.assert_allclose(turn(turn(BOXES)), BOXES, atol=1e-7)
    assert turn(BOXES).dtype == np.float32


@pytest.mark.parametrize("turn", [mirror_boxes, flip_boxes])
def test_no_boxes(turn):
    assert turn(np.zeros((0, 4), np.float32)).shape == (0, 4)
