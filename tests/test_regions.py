"""Lines and polygons that a user draws by coordinates."""

import cv2
import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.regions import inside, parse_points


def test_numbers_up_to_one_are_parts_of_the_image():
    line = parse_points("0.5, 0, 0.5, 1", "line", exactly=2)
    assert line.pixels((480, 640)).tolist() == [[320, 0], [320, 480]]


def test_larger_numbers_are_pixels():
    polygon = parse_points("0,0,10,0,10,20", "region")
    assert polygon.pixels((480, 640)).tolist() == [[0, 0], [10, 0], [10, 20]]


@pytest.mark.parametrize(
    ("text", "exactly", "said"),
    [
        ("", None, "not a list of numbers"),
        ("1,2,a,4", 2, "not a list of numbers"),
        ("1,2,3", 2, "has 3 numbers"),
        ("1,2,3,4,5,6", 2, "has 6 numbers"),
        ("1,2,3,4", None, "at least 6"),
        ("-1,0,5,5", 2, "below 0"),
        ("nan,0,5,5", 2, "below 0"),
        ("inf,0,5,5", 2, "below 0"),
        ("0.5,0,0.5,240", 2, "mixes parts of the image with pixels"),
        ("4,4,4,4", 2, "no length"),
        ("0,0,5,5,9,9", None, "no area"),
    ],
)
def test_what_is_no_shape_is_refused_in_one_line(text, exactly, said):
    with pytest.raises(BadInput, match=said) as error:
        parse_points(text, "region", exactly=exactly)
    assert "\n" not in str(error.value)


def test_inside_agrees_with_opencv():
    rng = np.random.default_rng(0)
    for corners in range(3, 12):
        polygon = rng.integers(0, 50, (corners, 2)).astype(np.float32)
        places = rng.uniform(-5, 55, (200, 2)).astype(np.float32)
        expected = [cv2.pointPolygonTest(polygon, place.tolist(), False) > 0 for place in places]
        assert inside(places, polygon).tolist() == expected
