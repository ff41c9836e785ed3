import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas import canvas_crop_resize
from multibox.config import Crop, Expand
from multibox.errors import BadInput
from multibox.prepare import render as render_module
from multibox.prepare.render import INTERPOLATIONS, MEAN_RGB, decode, render
from multibox.prepare.window import Window, crop, expand, snap, whole


def smooth_image(height, width, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (max(2, height // 8), max(2, width // 8), 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def sample(image, window, size):
    """Bilinear sampling of each output pixel's centre, the image on an endless canvas of the mean colour."""
    y = (np.arange(size[0]) + 0.5) * window.height / size[0] + window.y0 - 0.5
    x = (np.arange(size[1]) + 0.5) * window.width / size[1] + window.x0 - 0.5
    row, column = np.floor(y).astype(int), np.floor(x).astype(int)
    down, right = (y - row)[:, None, None], (x - column)[None, :, None]

    def pixel(r, c):
        # Within half a pixel of its edge the image is as it is at the edge.
        edge = image[np.clip(r, 0, image.shape[0] - 1)[:, None], np.clip(c, 0, image.shape[1] - 1)[None]].astype(float)
        seen = ((y >= -0.5) & (y < image.shape[0] - 0.5))[:, None] & ((x >= -0.5) & (x < image.shape[1] - 0.5))[None]
        return np.where(seen[..., None], edge, np.array(MEAN_RGB, float))

    upper = pixel(row, column) * (1 - right) + pixel(row, column + 1) * right
    lower = pixel(row + 1, column) * (1 - right) + pixel(row + 1, column + 1) * right
    return upper * (1 - down) + lower * down


def difference(a, b):
    return np.abs(a.astype(float) - b.astype(float)).mean()


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize(
    "window",
    [Window(0, 0, 160, 120), Window(20, 10, 100, 110), Window(37, 41, 58, 59)],
    ids=["whole", "smaller", "enlarged"],
)
def test_inside_the_image_it_is_a_crop_and_a_resize(window, interpolation):
    image = smooth_image(120, 160)
    expected = canvas_crop_resize(image, window, (96, 96), interpolation)
    rounding = 1 if interpolation == cv2.INTER_LANCZOS4 else 0  # OpenCV's Lanczos of bytes has coarser weights
    rendered = render(image, window, (96, 96), interpolation=interpolation).astype(int)
    np.testing.assert_allclose(rendered, expected, rtol=0, atol=rounding)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize(
    "window",
    [Window(-80, -60, 240, 180), Window(-150, 20, 90, 110), Window(60, 60, 460, 260)],
    ids=["all of it", "left", "lower right"],
)
def test_beyond_the_image_it_is_the_canvas_within_two_levels(window, interpolation):
    image, size = smooth_image(120, 160), (80, 80)
    assert snap(window, (120, 160), size) == window  # on whole pixels of the output: the canvas can show just this
    expected = canvas_crop_resize(image, window, size, interpolation)
    assert difference(render(image, window, size, interpolation=interpolation), expected) < 2


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_window_is_as_sampled_within_two_levels(seed):
    rng, image, size = np.random.default_rng(seed), smooth_image(150, 200), (120, 120)
    window = crop(expand(whole((150, 200)), rng, Expand(probability=0.7)), np.zeros((0, 4)), rng, Crop())
    window = snap(window, (150, 200), size)
    assert difference(render(image, window, size), sample(image, window, size)) < 2


@pytest.mark.parametrize(("mirror", "flip", "code"), [(True, False, 1), (False, True, 0), (True, True, -1)])
def test_mirror_and_flip(image, mirror, flip, code):
    plain = render(image, Window(-10, 0, 70, 60), (40, 40))
    turned = render(image, Window(-10, 0, 70, 60), (40, 40), mirror=mirror, flip=flip)
    np.testing.assert_array_equal(turned, cv2.flip(plain, code))


@pytest.mark.parametrize("window", [Window(-50, 0, -10, 60), Window(200, 200, 210, 210), Window(-9999, 0, 0.4, 60)])
def test_a_window_that_shows_nothing_of_the_image_is_filled(image, window):
    np.testing.assert_array_equal(render(image, window, (8, 9)), np.full((8, 9, 3), MEAN_RGB))


def test_the_result_is_new_and_the_image_unchanged(image):
    before = image.copy()
    output = render(image, whole((60, 80)), (60, 80))
    output[:] = 0
    np.testing.assert_array_equal(image, before)


def encode(image, suffix, flags=()):
    return cv2.imencode(suffix, image, list(flags))[1].tobytes()


def test_decode_gives_rgb():
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    np.testing.assert_array_equal(decode(encode(red, ".png")), red[..., ::-1])


def test_decode_grey_alpha_and_sixteen_bits():
    grey = np.arange(24, dtype=np.uint8).reshape(4, 6)
    expected = np.repeat(grey[..., None], 3, axis=2)
    with_alpha = np.concatenate([expected, np.full((4, 6, 1), 7, np.uint8)], axis=2)
    for encoded in (encode(grey, ".png"), encode(with_alpha, ".png"), encode(grey.astype(np.uint16) * 257, ".png")):
        decoded = decode(encoded)
        assert decoded.dtype == np.uint8
        np.testing.assert_array_equal(decoded, expected)


def test_decode_cmyk(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    pillow.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg")  # no cyan: red
    red = decode((tmp_path / "cmyk.jpg").read_bytes())
    assert red.shape == (16, 16, 3)
    assert red[8, 8, 0] > red[8, 8, 1:].max() + 100


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(1, lambda a: a), (3, lambda a: a[::-1, ::-1]), (6, lambda a: np.rot90(a, -1)), (8, np.rot90)],
)
def test_decode_turns_the_image_upright(orientation, turn):
    image = smooth_image(16, 32)
    jpeg = encode(image, ".jpg", (cv2.IMWRITE_JPEG_QUALITY, 95))
    tiff = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, orientation, 0, 0]) + bytes(4)
    exif = b"Exif\x00\x00" + tiff
    marked = jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]
    np.testing.assert_array_equal(decode(marked), turn(decode(jpeg)))


@pytest.mark.parametrize("encoded", [b"", b"not an image", b"\xff\xd8\xff\xe0"])
def test_what_is_not_an_image_is_named(encoded):
    with pytest.raises(BadInput, match=r"cat\.jpg: not an image"):
        decode(encoded, "cat.jpg")


@pytest.mark.skipif(render_module.ON_ARM, reason="the reference is OpenCV on x86")
@pytest.mark.parametrize(
    "shape", [(480, 640), (333, 500), (200, 250), (640, 640), (640, 500), (320, 320), (1280, 960), (1, 7), (3, 2)]
)
def test_what_is_done_on_arm_gives_the_bits_of_opencv_on_x86(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    given = render_module._linear_on_arm(np.pad(image, ((0, 0), (2, 1), (0, 0)))[:, 2:-1], (320, 320))
    np.testing.assert_array_equal(given, cv2.resize(image, (320, 320)))
    assert given.flags.c_contiguous
