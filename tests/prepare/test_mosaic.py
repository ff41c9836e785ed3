import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.config import Mosaic
from multibox.data.record import make_objects
from multibox.prepare.mosaic import Quarter, draw_quarters, join

SIZE = (100, 200)
BY_HAND = (
    Quarter(slice(0, 40), slice(0, 50)),
    Quarter(slice(0, 40), slice(50, 200)),
    Quarter(slice(40, 100), slice(0, 50)),
    Quarter(slice(40, 100), slice(50, 200)),
)
COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9))
seeds = st.integers(0, 2**32 - 1)


def picture(quarter, color, boxes, labels, **columns):
    return np.full((*quarter.size, 3), color, np.uint8), make_objects(boxes, labels, **columns)


def test_four_colours_with_a_box_each():
    boxes = ([0, 0, 1, 1], [0, 0.5, 0.5, 1], [0.5, 0, 1, 0.5], [0.2, 0.1, 0.4, 0.2])
    pictures = [
        picture(quarter, color, [box], [number], ids=[f"object{number}"])
        for number, (quarter, color, box) in enumerate(zip(BY_HAND, COLORS, boxes, strict=True))
    ]
    image, objects = join(pictures, BY_HAND, SIZE)
    assert image.shape == (100, 200, 3)
    assert image.dtype == np.uint8
    for quarter, color in zip(BY_HAND, COLORS, strict=True):
        assert (image[quarter.rows, quarter.columns] == color).all()
    expected = [[0, 0, 50, 40], [50, 20, 125, 40], [25, 40, 50, 70], [80, 46, 110, 52]]
    np.testing.assert_allclose(objects.boxes * (200, 100, 200, 100), expected, atol=1e-4)
    np.testing.assert_array_equal(objects.labels, [0, 1, 2, 3])
    assert objects.ids == ("object0", "object1", "object2", "object3")
    assert objects.boxes.dtype == np.float32


def test_the_same_picture_four_times_without_objects():
    same = np.arange(50 * 100 * 3, dtype=np.uint32).astype(np.uint8).reshape(50, 100, 3)
    where = [
        Quarter(rows, columns)
        for rows in (slice(0, 50), slice(50, 100))
        for columns in (slice(0, 100), slice(100, 200))
    ]
    image, objects = join([(same, make_objects([], []))] * 4, where, SIZE)
    np.testing.assert_array_equal(image, np.tile(same, (2, 2, 1)))
    assert len(objects) == 0


def test_every_flag_of_an_object_comes_along_and_an_object_without_area_does_not():
    empty = [picture(quarter, 0, [], []) for quarter in BY_HAND[:3]]
    boxes = [[0, 0, 1, 1], [0.5, 0.5, 0.5, 0.9], [0, 0, 0.1, 1]]
    last = picture(BY_HAND[3], 0, boxes, [1, 2, 3], crowd=[0, 0, 1], difficult=[1, 0, 0], area=[7, 8, 9])
    _, objects = join([*empty, last], BY_HAND, SIZE)
    np.testing.assert_array_equal(objects.labels, [1, 3])
    np.testing.assert_array_equal(objects.crowd, [False, True])
    np.testing.assert_array_equal(objects.difficult, [True, False])
    np.testing.assert_array_equal(objects.area, [7, 9])


def test_join_leaves_its_arguments_alone():
    pictures = [picture(quarter, 7, [[0, 0, 1, 1]], [0]) for quarter in BY_HAND]
    join(pictures, BY_HAND, SIZE)[0][:] = 1
    for image, objects in pictures:
        assert (image == 7).all()
        np.testing.assert_array_equal(objects.boxes, [[0, 0, 1, 1]])


@given(seeds, st.tuples(st.integers(2, 40), st.integers(2, 40)), st.sampled_from([(0.25, 0.75), (1e-9, 1), (1, 1)]))
def test_quarters_cover_every_pixel_once(seed, size, center):
    counts = np.zeros(size, int)
    for quarter in draw_quarters(np.random.default_rng(seed), size, Mosaic(center=center)):
        assert min(quarter.size) >= 1
        counts[quarter.rows, quarter.columns] += 1
    assert (counts == 1).all()


def test_the_centre_lies_where_it_may_and_anywhere_there():
    rng = np.random.default_rng(0)
    centers = np.array([draw_quarters(rng, SIZE, Mosaic())[0].size for _ in range(4000)])
    assert (centers.min(axis=0) == (25, 50)).all()
    assert (centers.max(axis=0) == (75, 150)).all()
    assert centers.mean(axis=0) == pytest.approx((50, 100), abs=2)


def test_the_generator_alone_decides():
    first, again, other = (draw_quarters(np.random.default_rng(seed), SIZE, Mosaic()) for seed in (5, 5, 6))
    assert first == again
    assert first != other


sides = st.floats(0, 1, width=32)
some_boxes = st.lists(st.tuples(sides, sides, sides, sides), max_size=4).map(
    lambda boxes: [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in boxes]
)


@given(seeds, st.lists(some_boxes, min_size=4, max_size=4))
def test_objects_stay_in_their_quarters(seed, boxes):
    where = draw_quarters(np.random.default_rng(seed), SIZE, Mosaic())
    pictures = [
        picture(quarter, 0, each, [n] * len(each)) for n, (quarter, each) in enumerate(zip(where, boxes, strict=True))
    ]
    _, objects = join(pictures, where, SIZE)
    assert ((objects.boxes >= 0) & (objects.boxes <= 1)).all()
    pixels = objects.boxes * (200, 100, 200, 100)
    for box, label in zip(pixels, objects.labels, strict=True):
        rows, columns = where[label].rows, where[label].columns
        limits = np.array([columns.start, rows.start, columns.stop, rows.stop])
        assert (box[:2] >= limits[:2] - 1e-4).all()
        assert (box[2:] <= limits[2:] + 1e-4).all()
    large = sum((box[2] - box[0] > 1e-3) and (box[3] - box[1] > 1e-3) for each in boxes for box in each)
    assert large <= len(objects) <= sum(map(len, boxes))
