import numpy as np
import pytest

from multibox.predict.redact import BLOCKS, MARGIN, covered, redact
from secrets_in_images import CODE, NUMBER, number_plate, qr_code, read_number, read_qr_code

HOWS = ("blur", "pixelate")
EDGE = 70


def framed(part):
    """A noisy image with a part in it, and the box of the part."""
    height, width = part.shape[:2]
    image = np.random.default_rng(0).integers(0, 256, (height + 2 * EDGE, width + 2 * EDGE, 3), np.uint8)
    image[EDGE : EDGE + height, EDGE : EDGE + width] = part
    return image, np.array([[EDGE, EDGE, EDGE + width, EDGE + height]], np.float32)


def cut(image, box):
    x0, y0, x1, y1 = box.astype(int)
    return image[y0:y1, x0:x1]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("side", [40, 64, 150, 333, 600])
def test_a_qr_code_cannot_be_read(side, how):
    image, boxes = framed(qr_code(side))
    assert read_qr_code(cut(image, boxes[0])) == CODE
    hidden = redact(image, boxes, how)
    assert read_qr_code(cut(hidden, boxes[0])) == ""
    assert read_qr_code(hidden) == ""


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("width", [40, 64, 150, 333, 600])
def test_a_number_cannot_be_read(width, how):
    image, boxes = framed(number_plate(width))
    assert read_number(cut(image, boxes[0]), width) == NUMBER
    read = read_number(cut(redact(image, boxes, how), boxes[0]), width)
    assert sum(got == digit for got, digit in zip(read, NUMBER, strict=True)) <= 4


@pytest.mark.parametrize("how", HOWS)
def test_pixels_outside_are_the_same(how):
    image, boxes = framed(qr_code(100))
    before, hidden = image.copy(), redact(image, boxes, how)
    np.testing.assert_array_equal(image, before)
    margin = round(100 * MARGIN)
    outside = np.ones(image.shape[:2], np.bool_)
    outside[EDGE - margin : EDGE + 100 + margin, EDGE - margin : EDGE + 100 + margin] = False
    np.testing.assert_array_equal(hidden[outside], image[outside])
    assert (hidden[~outside] != image[~outside]).any(axis=1).mean() > 0.95


def test_few_colours_are_left():
    image, boxes = framed(qr_code(333))
    hidden = cut(redact(image, boxes, "pixelate"), boxes[0])
    assert len(np.unique(hidden.reshape(-1, 3), axis=0)) <= BLOCKS**2


def test_a_blur_holds_no_more_than_its_means():
    """Two images whose blocks have the same means are the same afterwards, so nothing brings the rest back."""
    rng = np.random.default_rng(0)
    flat = np.repeat(np.repeat(rng.integers(60, 190, (BLOCKS, BLOCKS, 3)), 30, axis=0), 30, axis=1)
    detail = rng.integers(-50, 50, flat.shape)
    detail[:, 15:30] = -detail[:, :15]
    for start in range(30, 30 * BLOCKS, 30):
        detail[:, start + 15 : start + 30] = -detail[:, start : start + 15]
    everything = np.array([[0, 0, *flat.shape[1::-1]]])
    for how in HOWS:
        np.testing.assert_array_equal(
            redact((flat + detail).astype(np.uint8), everything, how), redact(flat.astype(np.uint8), everything, how)
        )


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(
    "box",
    [
        (-50, -50, 20, 20),
        (190, 90, 400, 300),
        (-1e9, -1e9, 1e9, 1e9),
        (0, 0, 1, 1),
        (5.5, 5.5, 5.5, 5.5),
        (10, 0, 11, 99),
    ],
)
def test_boxes_at_the_border_and_tiny_ones(box, how):
    image = np.random.default_rng(0).integers(0, 256, (100, 200, 3), np.uint8)
    boxes = np.array([box])
    hidden = redact(image, boxes, how)
    x0, y0, x1, y1 = covered(boxes, image.shape[:2])[0]
    assert 0 <= x0 <= x1 <= 200
    assert 0 <= y0 <= y1 <= 100
    changed = np.argwhere((hidden != image).any(axis=2))
    assert ((changed >= (y0, x0)) & (changed < (y1, x1))).all()


def test_a_box_outside_the_image_and_no_box():
    image = np.random.default_rng(0).integers(0, 256, (100, 200, 3), np.uint8)
    for boxes in (np.array([[300, 10, 350, 60]]), np.empty((0, 4), np.float32)):
        np.testing.assert_array_equal(redact(image, boxes, "blur"), image)


def test_an_object_in_another_stays_hidden():
    """A small box inside a large one, before and after it."""
    image, large = framed(qr_code(333))
    small = large + np.array([[100, 100, -150, -150]], np.float32)
    for boxes in (np.concatenate([large, small]), np.concatenate([small, large])):
        assert read_qr_code(cut(redact(image, boxes, "pixelate"), large[0])) == ""
