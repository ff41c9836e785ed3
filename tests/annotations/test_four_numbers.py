import numpy as np
import pytest

from multibox.annotations.four_numbers import edges_of, form_of

NAN = float("nan")


@pytest.mark.parametrize(
    ("boxes", "form"),
    [
        ([[10, 10, 80, 60], [0, 0, 100, 80]], "xywh"),
        ([[10, 10, 95, 75], [50, 40, 60, 79]], "edges"),
        ([[90, 70, 15, 15], [95, 10, 10, 18], [50, 40, 100, 80]], "center"),
        ([[0.5, 0.5, 0.6, 0.6], [0.2, 0.3, 0.9, 0.95]], "edges"),
        ([[0.9, 0.9, 0.15, 0.15], [0.5, 0.5, 1, 1]], "center"),
        ([[0.4, 0.4, 0.5, 0.5]], "xywh"),
        ([[NAN, NAN, NAN, NAN]], "xywh"),
        ([], "xywh"),
    ],
)
def test_the_form_in_which_boxes_stay_in_their_image(boxes, form):
    numbers = np.array(boxes, float).reshape(-1, 4)
    assert form_of(numbers, np.tile([100.0, 80.0], (len(boxes), 1))) == form


def test_a_few_boxes_beyond_their_image_are_mistakes():
    numbers = np.array([[10, 10, 20, 20]] * 19 + [[60, 60, 70, 70]], float)
    assert form_of(numbers, np.tile([100.0, 80.0], (20, 1))) == "xywh"
    assert form_of(numbers[10:], np.full((10, 2), NAN)) == "xywh"
    assert form_of(numbers[15:], np.tile([100.0, 80.0], (5, 1))) == "edges"


def test_edges():
    numbers = np.array([[10.0, 20, 30, 44]])
    assert edges_of(numbers, "edges").tolist() == [[10, 20, 30, 44]]
    assert edges_of(numbers, "xywh").tolist() == [[10, 20, 40, 64]]
    assert edges_of(numbers, "center").tolist() == [[-5, -2, 25, 42]]
