"""OpenCV and Pillow decode images in all their formats."""

import io
import sys

import cv2
import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.prepare.render import decode

pillow = pytest.importorskip("PIL.Image")


@pytest.fixture
def image():
    """48 x 64, a colour in each quarter; the upper left is red."""
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32], pixels[:24, 32:], pixels[24:, :32] = (204, 51, 51), (51, 204, 51), (51, 51, 204)  # of any palette
    pixels[24:, 32:] = 102
    return pixels


def encode(image, kind, mode="RGB", **options):
    file = io.BytesIO()
    pillow.fromarray(image).convert(mode).save(file, kind, **options)
    return file.getvalue()


def assert_shows(got, expected, within):
    assert got.shape == expected.shape
    assert got.dtype == np.uint8
    assert np.abs(got.astype(int) - expected).mean() < within


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "CMYK"), ("TIFF", "CMYK"), ("WEBP", "RGB"), ("AVIF", "RGB"), ("GIF", "P")],
)
def test_colour(image, kind, mode):
    assert_shows(decode(encode(image, kind, mode)), image, 6)


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "L"), ("PNG", "L"), ("PNG", "LA")])
def test_grey(image, kind, mode):
    grey = np.asarray(pillow.fromarray(image).convert("L"))
    assert_shows(decode(encode(image, kind, mode)), grey[..., None].repeat(3, 2), 2)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits(image, suffix, channels):
    wide = (image[..., 2::-1] if channels == 3 else image[..., 0]).astype(np.uint16) * 257
    expected = image if channels == 3 else image[..., :1].repeat(3, 2)
    assert_shows(decode(cv2.imencode(suffix, wide)[1].tobytes()), expected, 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright(image, kind, orientation):
    """The camera was held so that turning and mirroring as the number says gives the image back."""
    held = {
        1: image,
        2: image[:, ::-1],
        3: image[::-1, ::-1],
        4: image[::-1],
        5: image.swapaxes(0, 1),
        6: np.rot90(image, 1),
        7: image[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(image, 3),
    }[orientation]
    exif = pillow.Exif()
    exif[0x0112] = orientation
    encoded = encode(np.ascontiguousarray(held), kind, exif=exif, **({"quality": 95} if kind != "PNG" else {}))
    assert_shows(decode(encoded), image, 6)


@pytest.mark.parametrize("kind", ["TGA", "PCX"])
def test_what_pillow_alone_reads(image, kind):
    assert_shows(decode(encode(image, kind)), image, 1)


def test_heic(image):
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    assert_shows(decode(encode(image, "HEIF", quality=95)), image, 8)


def test_without_pillow_it_is_named(image, monkeypatch):
    encoded = encode(image, "TGA")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(BadInput, match=r"^a\.tga: not an image that can be decoded \(.*'\.\[pictures\]'\)"):
        decode(encoded, "a.tga")


@pytest.mark.parametrize("content", [b"", b"junk", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_no_image(content):
    with pytest.raises(BadInput, match=r"^x: not an image that can be decoded; replace"):
        decode(content, "x")


@pytest.mark.filterwarnings("error")
def test_pillow_prints_no_warnings_of_damaged_files(image):
    encoded = encode(image, "TIFF", compression="tiff_adobe_deflate")
    place = int.from_bytes(encoded[4:8], "little")
    with pytest.raises(BadInput, match="not an image"):
        decode(encoded[: place + 20], "a.tif")
