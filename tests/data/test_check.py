import cv2
import numpy as np
import pytest

from multibox.annotations.problem import Problem
from multibox.data.check import BadImageError, box_faults, check_image

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 255, (30, 40, 3)).astype(np.uint8)


def encoded(suffix):
    return cv2.imencode(suffix, PICTURE)[1].tobytes()


def with_orientation(jpeg, value):
    """Put an EXIF segment with nothing but an orientation into a JPEG."""
    tiff = b"MM\0*" + (8).to_bytes(4, "big") + b"\0\1" + b"\x01\x12\0\3\0\0\0\1" + bytes([0, value, 0, 0]) + bytes(4)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff"])
def test_whole_images_and_truncated_ones(suffix):
    data = encoded(suffix)
    assert check_image(data) == (40, 30)
    for share in (0.9, 0.5):
        with pytest.raises(BadImageError):
            check_image(data[: int(share * len(data))])


def test_size_is_that_of_the_upright_image():
    assert check_image(with_orientation(encoded(".jpg"), 1)) == (40, 30)
    assert check_image(with_orientation(encoded(".jpg"), 6)) == (30, 40)


def test_a_jpeg_with_bytes_after_its_end_is_whole():
    assert check_image(encoded(".jpg") + bytes(100)) == (40, 30)


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_image():
    jpeg = encoded(".jpg")
    thumbnail = b"\xff\xe1\x00\x0a" + b"junk\xff\xd9ab"
    whole = jpeg[:2] + thumbnail + jpeg[2:]
    assert check_image(whole) == (40, 30)
    with pytest.raises(BadImageError, match="cut off"):
        check_image(whole[:-20] + bytes(20))


def test_a_flipped_bit_in_a_png_is_found():
    data = bytearray(encoded(".png"))
    data[len(data) // 2] ^= 1
    with pytest.raises(BadImageError, match="damaged"):
        check_image(bytes(data))


@pytest.mark.parametrize(
    ("data", "message"), [(b"", "empty"), (b"<html>", "does not decode"), (b"\xff\xd8\xff\xd9", "cut off")]
)
def test_bytes_that_are_no_image(data, message):
    with pytest.raises(BadImageError, match=message):
        check_image(data)


def test_box_faults():
    nan, inf = np.nan, np.inf
    rows = [
        ((0, 0, 40, 30), ""),
        ((-5, -5, 45, 35), ""),
        ((39, 29, 41, 31), ""),
        ((10, 5, 5, 9), "is inverted"),
        ((5, 5, 5, 9), "has no area"),
        ((5, 9, 8, 9), "has no area"),
        ((40, 0, 50, 9), "lies outside the image of 40x30"),
        ((0, -9, 9, 0), "lies outside the image of 40x30"),
        ((nan, 0, 5, 5), "is not four numbers"),
        ((0, 0, inf, 5), "is not four numbers"),
    ]
    boxes = np.array([box for box, _ in rows], np.float64)
    assert box_faults(boxes, 40, 30) == [fault for _, fault in rows]
    assert box_faults(np.zeros((0, 4)), 40, 30) == []


def test_a_problem_in_one_line():
    assert (
        str(Problem("box", "a.xml", "object 1 of 2 (dog)", "is inverted")) == "a.xml: object 1 of 2 (dog): is inverted"
    )
    assert str(Problem("image", "a.jpg", "", "is empty")) == "a.jpg: is empty"
