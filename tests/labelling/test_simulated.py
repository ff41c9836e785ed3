import numpy as np
import pytest

from multibox.boxes import iou, paired_iou
from multibox.data.record import make_objects
from multibox.labelling.evidence import NONE
from multibox.labelling.simulated import SHIFT, add, double, shift, swap

SIZE = (300, 200)
OBJECTS = make_objects([[10, 10, 60, 50], [100, 20, 180, 120], [200, 150, 290, 195], [0, 120, 40, 200]], [0, 1, 2, 1])
ROWS = np.arange(4)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_swapped_labels_have_every_other_class(rng):
    seen = [set() for _ in ROWS]
    for _ in range(50):
        wrong = swap(OBJECTS, ROWS, 3, rng)
        assert (wrong.boxes == OBJECTS.boxes).all()
        for row, label in enumerate(wrong.labels):
            seen[row].add(int(label))
    assert seen == [{1, 2}, {0, 2}, {0, 1}, {0, 2}]


def test_one_class_cannot_be_swapped(rng):
    assert len(swap(OBJECTS, ROWS, 1, rng).labels) == 0


def test_shifted_boxes_overlap_the_right_ones_as_promised_and_stay_in_the_image(rng):
    wrong = shift(OBJECTS, ROWS, SIZE, rng)
    overlap = paired_iou(wrong.boxes, OBJECTS.boxes[wrong.place])
    assert len(wrong.place) >= 3
    assert ((overlap >= SHIFT[0]) & (overlap <= SHIFT[1])).all()
    assert (wrong.boxes >= 0).all()
    assert (wrong.boxes <= [300, 200, 300, 200]).all()


def test_added_boxes_are_where_little_is_labelled(rng):
    wrong = add(OBJECTS, ROWS, SIZE, rng)
    assert len(wrong.labels) >= 3
    assert iou(wrong.boxes, OBJECTS.boxes).max() < SHIFT[0]
    assert (wrong.place == NONE).all()


def test_second_boxes_lie_on_their_objects(rng):
    wrong = double(OBJECTS, ROWS, SIZE, rng)
    assert paired_iou(wrong.boxes, OBJECTS.boxes).min() > 0.5
    assert (wrong.place == NONE).all()


def test_an_image_without_labels_gives_no_errors(rng):
    none = make_objects([], [])
    rows = np.arange(0)
    assert [len(each.labels) for each in (swap(none, rows, 3, rng), shift(none, rows, SIZE, rng))] == [0, 0]
    assert [len(each.labels) for each in (add(none, rows, SIZE, rng), double(none, rows, SIZE, rng))] == [0, 0]
