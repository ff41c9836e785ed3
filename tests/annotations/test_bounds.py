"""The bounds of shapes. The masks in runs were written by pycocotools, which also gave their bounds."""

import base64
from math import pi

import cv2
import numpy as np
import pytest

from multibox.annotations import bounds

WIDE = "[6k0=000000000000000000000000000000000000000000000000000000000000000000000000000000000000000g21XM000n5"
SCATTERED = (
    r"i41V30\M0W30[L0b103090G0iN030G1a0OUO0j0030O0@0f20SO0`N0\10g00I0_M0l00XO030c01b0OcN0b10g00PO0lN0j30XL0`00a50TJ"
)


@pytest.mark.parametrize(
    ("counts", "size", "edges"),
    [
        ("62304", (5, 4), (1, 1, 3, 3)),
        (WIDE, (40, 60), (5, 3, 55, 38)),
        ("0d0", (4, 5), (0, 0, 5, 4)),
        ("j019", (6, 6), (4, 2, 5, 3)),
        (SCATTERED, (37, 53), (4, 5, 53, 37)),
        ([6, 2, 3, 2, 7], (5, 4), (1, 1, 3, 3)),
        ([3, 4, 13], (5, 4), (0, 0, 2, 5)),
        ([0, 1, 19], [5, 4], (0, 0, 1, 1)),
    ],
)
def test_the_bounds_of_a_mask_in_runs(counts, size, edges):
    assert bounds.of_runs(counts, size) == edges


@pytest.mark.parametrize(
    ("counts", "size"),
    [
        ("", (5, 4)),
        ("62304", (4, 4)),
        ("PQR", (5, 4)),
        ("\u00e9", (5, 4)),
        ([20], (5, 4)),
        ([5, 0, 15], (5, 4)),
        ([-1, 5], (5, 4)),
        ([0, 10**30], (5, 4)),
        ([0, float("inf")], (5, 4)),
        (None, (5, 4)),
        ([0, 1], None),
        ([0, 1], (5, 4, 3)),
        ([0, 1], ("x", 4)),
        ({"a": 1}, (5, 4)),
    ],
)
def test_runs_that_are_no_mask(counts, size):
    assert np.isnan(bounds.of_runs(counts, size)).all()


@pytest.mark.parametrize("points", [[[3, 9], [1, 4], [7, 5]], [3, 9, 1, 4, 7, 5], [["3", 9.0], [1, "4"], [7, 5]]])
def test_the_bounds_of_points(points):
    assert bounds.of_points(points) == (1, 4, 7, 9)


@pytest.mark.parametrize(
    "points", [None, [], [1, 2, 3], [[1, 2, 3], [4, 5, 6]], "ab", {"x": 1}, [[1, None]], [[10**400, 1]], [["a", "b"]]]
)
def test_points_that_are_no_numbers(points):
    assert np.isnan(bounds.of_points(points)).any()


def test_the_bounds_of_an_ellipse():
    assert bounds.of_ellipse(10, 20, 4, 3) == (6, 17, 14, 23)
    assert bounds.of_ellipse(10, 20, 4, 3, pi / 2) == pytest.approx((7, 16, 13, 24))
    around = np.linspace(0, 2 * pi, 100_001)
    x = 4 * np.cos(around) * np.cos(0.5) - 3 * np.sin(around) * np.sin(0.5)
    y = 4 * np.cos(around) * np.sin(0.5) + 3 * np.sin(around) * np.cos(0.5)
    assert bounds.of_ellipse(0, 0, 4, 3, 0.5) == pytest.approx((x.min(), y.min(), x.max(), y.max()), abs=1e-6)
    assert np.isnan(bounds.of_ellipse(10, 20, 4, 3, float("inf"))).all()
    assert np.isnan(bounds.of_ellipse("x", 20, None, 3)).any()


def test_a_box_turned_about_its_upper_left_corner():
    assert bounds.of_turned_box(50, 40, 20, 10, 0) == (50, 40, 70, 50)
    assert bounds.of_turned_box(50, 40, 20, 10, 90) == pytest.approx((40, 40, 50, 60))
    assert bounds.of_turned_box(50, 40, 20, 10, -90) == pytest.approx((50, 20, 60, 40))
    root = 2**0.5
    assert bounds.of_turned_box(0, 0, 20, 10, 45) == pytest.approx((-10 / root, 0, 20 / root, 30 / root))


def test_a_mask_that_is_an_image():
    mask = np.zeros((6, 9), np.uint8)
    mask[2:4, 5:9] = 1
    encoded = base64.b64encode(cv2.imencode(".png", mask)[1]).decode()
    assert bounds.of_mask_image(100, 50, encoded) == (105, 52, 109, 54)
    empty = base64.b64encode(cv2.imencode(".png", mask * 0)[1]).decode()
    for broken in (empty, "####", "", None, 3, encoded[:40]):
        assert np.isnan(bounds.of_mask_image(100, 50, broken)).all()


@pytest.mark.parametrize("side", [0, 0.3, -5, "x", None, "", [], "nan", "inf", 10**30, 10**400, "9" * 400])
def test_a_side_that_no_image_has_is_no_size(side):
    assert bounds.size_of(side, 40) is None
    assert bounds.size_of(40, side) is None
    assert bounds.size_of("640", 480.0) == (640, 480)
