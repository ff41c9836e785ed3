import io

import cv2
import numpy as np
import pytest
from PIL import Image

from multibox.image_file import (
    FORMATS_WITH_END,
    coded_size,
    color_mode,
    end_of_image,
    image_format,
    is_png_with_text,
    is_whole,
    jpeg_header,
    png_with_text,
)

PIXELS = np.random.default_rng(0).integers(0, 255, (30, 40, 3)).astype(np.uint8)


def save(kind, mode="RGB", **options):
    Image.init()
    if kind not in Image.SAVE:
        pytest.skip(f"this Pillow does not write {kind}")
    into = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(into, kind, **options)
    return into.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "AVIF"])
def test_a_format_is_recognised_by_its_first_bytes(kind):
    assert image_format(save(kind)[:16]) == kind


@pytest.mark.parametrize("data", [b"", b"\xff", b"<svg/>", b"RIFF\0\0\0\0WAVE", b"\0\0\0\x18ftypmp42"])
def test_other_bytes_have_no_format(data):
    assert image_format(data) == ""


@pytest.mark.parametrize("kind", FORMATS_WITH_END)
def test_the_end_of_an_image_is_where_its_file_ends(kind):
    if kind == "HEIF":
        pytest.skip("Pillow alone does not write HEIF")
    encoded = save(kind)
    assert end_of_image(encoded, kind) == len(encoded)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "JPEG2000"])
def test_the_end_of_an_image_does_not_depend_on_what_follows(kind):
    encoded = save(kind)
    assert end_of_image(encoded + b"\xff" * 100, kind) == len(encoded)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_only_a_whole_file_is_whole(kind):
    encoded = save(kind)
    assert is_whole(encoded)
    assert is_whole(encoded + b"more")
    assert not any(is_whole(encoded[:length]) for length in range(16, len(encoded), 7))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": b"Exif\0\0II*\0" + b"\xff\xd9" * 50}])
def test_the_header_of_a_jpeg(options):
    encoded = save("JPEG", **options)
    header = jpeg_header(encoded)
    assert header[:3] == (40, 30, 3)
    assert encoded[header.scan : header.scan + 2] == b"\xff\xda"


def test_a_jpeg_with_other_bytes_between_its_segments_has_no_header():
    encoded = save("JPEG")
    assert jpeg_header(encoded[:2] + b"\xff\xff" + encoded[2:])  # fill bytes
    assert jpeg_header(encoded[:2] + b"junk" + encoded[2:]) is None


def test_color_modes():
    assert [color_mode(save(kind, "L")) for kind in ("JPEG", "PNG")] == ["grey", "grey"]
    assert [color_mode(save(kind)) for kind in ("JPEG", "PNG", "BMP")] == ["color"] * 3
    assert color_mode(save("PNG", "LA")) == "grey"
    assert color_mode(save("JPEG", "CMYK")) == "cmyk"


def test_a_text_in_a_png_is_read_by_others_and_found_again():
    plain = cv2.imencode(".png", PIXELS)[1].tobytes()
    marked = png_with_text(plain, "Software", "multibox predict")
    opened = Image.open(io.BytesIO(marked))
    assert opened.text == {"Software": "multibox predict"}
    np.testing.assert_array_equal(np.asarray(opened), PIXELS[..., ::-1])
    assert is_png_with_text(marked[:1024], "Software", "multibox predict")
    assert not is_png_with_text(marked, "Software", "another program")
    assert not is_png_with_text(plain, "Software", "multibox predict")
    assert not is_png_with_text(b"", "Software", "multibox predict")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_the_size_of_an_image_without_decoding_it(suffix):
    encoded = cv2.imencode(suffix, np.zeros((30, 50, 3), np.uint8))[1].tobytes()
    assert coded_size(encoded) == (50, 30)
    assert coded_size(encoded[:20]) is None


@pytest.mark.parametrize(
    "encoded", [b"", b"text", b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n" + bytes(40), b"BM" + bytes(90)]
)
def test_bytes_whose_size_is_not_told(encoded):
    assert coded_size(encoded) is None
