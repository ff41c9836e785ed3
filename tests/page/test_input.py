"""The network's input in the browser: byte for byte that of Python."""

import io

import numpy as np
import pytest
from PIL import Image

from colored import make_schema
from multibox.config import Network
from multibox.detect.prepare_image import prepare_image

SIZES = [(375, 500), (500, 333), (97, 131), (1, 1), (2, 2), (7, 300), (300, 7), (256, 256), (256, 384), (1201, 1603)]
"""Heights and widths: larger, smaller, odd, double the input, and a single pixel."""


def painted(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def rgba(image):
    """An image as a canvas gives it."""
    height, width = image.shape[:2]
    data = np.dstack([image, np.full((height, width), 255, np.uint8)])
    return {"data": data.reshape(-1), "width": width, "height": height}


@pytest.mark.parametrize("resize", ["warp", "letterbox"])
@pytest.mark.parametrize("size", [(128, 192), (128, 128)])
def test_the_input_and_its_window_are_those_of_python(node, resize, size):
    schema = make_schema(network=Network(size=size), resize=resize)
    images = [painted(each) for each in SIZES]
    model = {"size": size, "resize": resize}
    answers = node([("local/prepare.js", "prepare", rgba(image), model) for image in images])
    for image, answer in zip(images, answers, strict=True):
        prepared = prepare_image(image, schema)
        window = prepared.views[0].window
        assert answer["window"] == [window.x0, window.y0, window.x1, window.y1]
        assert np.array_equal(np.array(answer["input"], np.uint8).reshape(*size, 3), prepared.inputs[0])


def test_a_long_strip_in_a_letterbox_is_all_border(node):
    image = painted((1, 3000))
    (answer,) = node([("local/prepare.js", "prepare", rgba(image), {"size": (128, 128), "resize": "letterbox"})])
    prepared = prepare_image(image, make_schema(network=Network(size=(128, 128)), resize="letterbox"))
    assert np.array_equal(answer["input"], prepared.inputs[0].reshape(-1))
    assert len(np.unique(np.reshape(answer["input"], (-1, 3)), axis=0)) == 1


def saved(mode, kind, **options):
    file = io.BytesIO()
    Image.new(mode, (40, 30)).save(file, kind, **options)
    return np.frombuffer(file.getvalue(), np.uint8)


def test_a_jpeg_in_cmyk_is_told_by_its_header(node):
    exif = Image.Exif()
    exif[0x010E] = "words " * 5000
    cmyk = [saved("CMYK", "jpeg"), saved("CMYK", "jpeg", progressive=True, exif=exif)]
    others = [saved("RGB", "jpeg", exif=exif), saved("L", "jpeg"), saved("RGBA", "png"), cmyk[0][:8], cmyk[0][:0]]
    answers = node([("local/jpeg.js", "isCmyk", content) for content in (*cmyk, *others)])
    assert answers == [True] * len(cmyk) + [False] * len(others)
