import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.config import Distort
from multibox.prepare.distort import adjust_color, adjust_light, distort, draw_colors


def pixels(*colors):
    return np.array([colors], np.uint8)


@pytest.mark.parametrize(
    ("brightness", "contrast", "expected"),
    [
        (0, 1, (0, 100, 250)),
        (32, 1, (32, 132, 255)),
        (-32, 1, (0, 68, 218)),
        (0, 1.5, (0, 150, 255)),
        (0, 0.5, (0, 50, 125)),
        (20, 0.5, (10, 60, 128)),  # 270 is cut off at 255 before it is halved
    ],
)
def test_light_worked_by_hand(brightness, contrast, expected):
    np.testing.assert_array_equal(adjust_light(pixels((0, 100, 250)), brightness, contrast), pixels(expected))


def test_nothing_to_change_changes_nothing(image):
    np.testing.assert_array_equal(adjust_color(adjust_light(image, 0, 1), 1, 0), image)


@pytest.mark.parametrize(
    ("color", "hue", "expected"),
    [
        ((255, 0, 0), 60, (0, 255, 0)),  # 120 degrees: red becomes green
        ((255, 0, 0), -60, (0, 0, 255)),  # and wraps round: blue
        ((0, 0, 255), 60, (255, 0, 0)),
        ((90, 90, 90), 45, (90, 90, 90)),  # grey has no hue
    ],
)
def test_hue_worked_by_hand(color, hue, expected):
    np.testing.assert_array_equal(adjust_color(pixels(color), 1, hue), pixels(expected))


@pytest.mark.parametrize("saturation", [0, 0.5, 1.5])
def test_saturation_against_the_standard_library(saturation):
    color = (200, 120, 80)
    h, s, v = colorsys.rgb_to_hsv(*(c / 255 for c in color))
    expected = np.array(colorsys.hsv_to_rgb(h, min(1, s * saturation), v)) * 255
    np.testing.assert_allclose(adjust_color(pixels(color), saturation, 0)[0, 0], expected, atol=3)


@given(st.integers(0, 2**32 - 1))
def test_distort_keeps_shape_and_type_and_its_argument(seed):
    image = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    before = image.copy()
    result = distort(image, draw_colors(np.random.default_rng(seed), Distort()))
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(image, before)


def test_distort_never(image):
    for seed in range(20):
        colors = draw_colors(np.random.default_rng(seed), Distort(probability=0))
        np.testing.assert_array_equal(distort(image, colors), image)


def test_each_change_comes_half_the_time():
    """With only the brightness left to change, half the images change, by at most 32 levels either way."""
    config = Distort(contrast=(1, 1), saturation=(1, 1), hue=0)
    image, rng = np.full((1, 1, 3), 128, np.uint8), np.random.default_rng(0)
    change = np.array([int(distort(image, draw_colors(rng, config))[0, 0, 0]) - 128 for _ in range(4000)])
    assert np.abs(change).max() == 32
    assert (change != 0).mean() == pytest.approx(0.5 * 64 / 65, abs=0.03)
    assert change.mean() == pytest.approx(0, abs=1)


def test_contrast_comes_before_or_after_the_colours():
    """Where both change, the order shows: contrast cuts off at 255, and what is cut off has another hue to turn."""
    config = Distort(probability=1, brightness=0, contrast=(1.5, 1.5), saturation=(1, 1), hue=0)
    config = config.model_copy(update={"saturation": (1.5, 1.5)})
    image, rng = pixels((230, 180, 120)), np.random.default_rng(0)
    results = {tuple(distort(image, draw_colors(rng, config))[0, 0]) for _ in range(30)}
    assert results == {
        tuple(adjust_color(adjust_light(image, 0, 1.5), 1.5, 0)[0, 0]),
        tuple(adjust_light(adjust_color(image, 1.5, 0), 0, 1.5)[0, 0]),
    }
    assert len(results) == 2
