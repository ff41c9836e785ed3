import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.evaluation.reading.box_form import BoxForm, parse_box_form

SIZE = (400, 200)
CORNERS = (40, 20, 120, 70)  # 80 wide and 50 high, its center at (80, 45)


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("xywh", (40, 20, 80, 50)),
        ("corners", (40, 20, 120, 70)),
        ("center", (80, 45, 80, 50)),
        ("swapped", (20, 40, 50, 80)),
        ("corners,swapped", (20, 40, 70, 120)),
        ("center,swapped", (45, 80, 50, 80)),
        ("fractions", (0.1, 0.1, 0.2, 0.25)),
        ("corners,fractions", (0.1, 0.1, 0.3, 0.35)),
        ("center,fractions", (0.2, 0.225, 0.2, 0.25)),
        ("corners,swapped,fractions", (0.1, 0.1, 0.35, 0.3)),
        ("stretched:200x200", (20, 20, 40, 50)),
        ("corners,stretched:300x600", (30, 60, 90, 210)),
        ("padded:200x200", (20, 10, 40, 25)),  # the image becomes 200 x 100, at the top
        ("letterbox:200x200", (20, 60, 40, 25)),  # and with 50 pixels above it
        ("corners,letterbox:800x500", (80, 90, 240, 190)),  # 800 x 400, with 50 above
        ("corners,swapped,letterbox:800x500", (90, 80, 190, 240)),
    ],
)
def test_each_form_of_one_box(form, written):
    found = parse_box_form(form).corners(np.array([written], np.float64), np.array([SIZE]))
    np.testing.assert_allclose(found, [CORNERS], atol=1e-9)


def test_each_image_has_its_own_size():
    boxes = np.array([(0.1, 0.1, 0.2, 0.2)] * 2)
    found = parse_box_form("corners,fractions").corners(boxes, np.array([(100, 50), (10, 1000)]))
    np.testing.assert_allclose(found, [(10, 5, 20, 10), (1, 100, 2, 200)])


def test_words_may_stand_in_any_order():
    assert parse_box_form("fractions, swapped,corners") == BoxForm("corners", True, "fractions")
    assert str(parse_box_form("swapped,fractions,corners")) == "corners,swapped,fractions"
    assert parse_box_form(str(BoxForm())) == BoxForm()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "xyxy",
        "corners,center",
        "fractions,stretched:3x3",
        "stretched:640",
        "padded:0x640",
        "padded:640x0",
        "swapped,swapped",
    ],
)
def test_other_words_are_refused(text):
    with pytest.raises(BadInput, match=r"boxes: .*is not a form of boxes; write, with commas: xywh, corners or center"):
        parse_box_form(text)


def test_a_form_in_words():
    assert parse_box_form("corners,swapped,fractions").meaning == "y0, x0, y1, x1 as fractions of the image"
    words = parse_box_form("center,letterbox:640x480").meaning
    assert words == "center x, center y, width, height in pixels of an input of 640x480, with the image centered in it"
