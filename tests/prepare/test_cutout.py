import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.config import Cutout
from multibox.data.record import make_objects
from multibox.prepare.cutout import covered, cutout, draw_holes
from multibox.prepare.render import MEAN_RGB
from multibox.prepare.targets import make_targets

SIZE = (60, 80)
ALWAYS = Cutout(probability=1)
seeds = st.integers(0, 2**32 - 1)


def relative(boxes, **columns):
    return make_objects(np.array(boxes) / (80, 60, 80, 60), range(len(boxes)), **columns)


def holes(*corners):
    return np.array(corners, np.int64).reshape(-1, 4)


def test_a_hole_over_a_box_by_hand():
    """20 x 10 pixels are filled: all of the first object, three quarters of the second, half of the third."""
    image = np.full((*SIZE, 3), 200, np.uint8)
    objects = relative([[12, 22, 18, 28], [25, 20, 32.5, 27.5], [10, 25, 30, 35], [50, 50, 60, 60]])
    output, marked = cutout(image, objects, holes([10, 20, 30, 30]), 0.7)
    inside = np.zeros(SIZE, bool)
    inside[20:30, 10:30] = True
    assert (output[inside] == MEAN_RGB).all()
    assert (output[~inside] == 200).all()
    np.testing.assert_array_equal(marked.crowd, [True, False, False, False])
    assert cutout(image, objects, holes([10, 20, 30, 30]), 0.6)[1].crowd.tolist() == [True, True, False, False]
    np.testing.assert_array_equal(marked.boxes, objects.boxes)
    np.testing.assert_array_equal(marked.labels, objects.labels)


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ([], 0),
        ([[0, 0, 5, 10]], 0.5),
        ([[0, 0, 5, 10], [0, 0, 5, 10]], 0.5),  # twice the same
        ([[0, 0, 6, 10], [4, 0, 10, 10]], 1),  # they overlap
        ([[0, 0, 5, 5], [5, 5, 10, 10]], 0.5),  # a corner in common
        ([[0, 0, 10, 4], [0, 0, 4, 10]], 0.64),  # an L
        ([[-9, -9, 99, 1], [20, 20, 30, 30]], 0.1),
        ([[3, 0, 3, 10]], 0),  # no width
    ],
)
def test_covered_worked_by_hand(cut, expected):
    assert covered(np.array([[0.0, 0, 10, 10]]), holes(*cut)) == pytest.approx([expected])


def test_covered_in_parts_of_a_pixel():
    assert covered(np.array([[0.5, 0.25, 1.5, 1.25]]), holes([0, 0, 1, 1])) == pytest.approx([0.375])


edges = st.integers(0, 12)
rectangles = st.tuples(edges, edges, edges, edges).map(
    lambda v: (min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3]))
)


@given(st.lists(rectangles, max_size=5), st.lists(rectangles, max_size=4))
def test_covered_is_what_counting_pixels_finds(boxes, cut):
    mask = np.zeros((12, 12), bool)
    for x0, y0, x1, y1 in cut:
        mask[y0:y1, x0:x1] = True
    expected = [mask[y0:y1, x0:x1].mean() if x1 > x0 and y1 > y0 else 0 for x0, y0, x1, y1 in boxes]
    np.testing.assert_allclose(covered(np.array(boxes, float).reshape(-1, 4), holes(*cut)), expected, atol=1e-12)


def test_what_is_hidden_is_neither_positive_nor_background(small_priors):
    """The first of the 16 squares of a quarter's side is an object: found as such, or ignored where it is hidden."""
    image, objects = np.zeros((64, 64, 3), np.uint8), make_objects([small_priors[0]], [4])
    for cut, expected in ((holes(), 5), (holes([0, 0, 10, 16]), 5), (holes([0, 0, 15, 16]), -1)):
        classes, _ = make_targets(cutout(image, objects, cut, 0.7)[1], small_priors)
        assert classes[0] == expected
        assert (classes[1:] == 0).all()


def test_a_crowd_stays_one_and_nothing_is_ignored_at_a_share_of_one(image):
    objects = relative([[0, 0, 80, 60], [7.3, 7.1, 20.7, 20.9]], crowd=[1, 0])
    everything = holes([0, 0, 33, 60], [11, 0, 80, 60])
    np.testing.assert_array_equal(cutout(image, objects, holes([0, 0, 1, 1]), 0.7)[1].crowd, [True, False])
    np.testing.assert_array_equal(cutout(image, objects, everything, 1)[1].crowd, [True, False])


def test_no_holes_and_no_objects(image):
    objects = relative([[10, 10, 50, 40]])
    output, marked = cutout(image, objects, holes(), 0.7)
    assert output is image
    assert marked is objects
    assert len(cutout(image, make_objects([], []), holes([0, 0, 9, 9]), 0.7)[1]) == 0


@given(seeds, st.sampled_from([SIZE, (1, 1), (3, 200)]))
def test_holes_are_whole_pixels_of_the_picture(seed, size):
    cut = draw_holes(np.random.default_rng(seed), ALWAYS, size)
    assert 1 <= len(cut) <= 3
    assert cut.dtype == np.int64
    assert (cut >= 0).all()
    assert (cut[:, 2:] >= cut[:, :2]).all()
    assert (cut[:, 2:] <= (size[1], size[0])).all()
    assert (cut[:, 2:] - cut[:, :2] <= np.multiply(size[::-1], 0.3) + 1).all()


def test_as_many_and_as_large_as_asked():
    rng = np.random.default_rng(0)
    drawn = [draw_holes(rng, Cutout(probability=1, holes=4, side=(0.25, 0.25)), (1000, 1000)) for _ in range(400)]
    assert np.bincount([len(cut) for cut in drawn]).argmin() == 0
    assert {len(cut) for cut in drawn} == {1, 2, 3, 4}
    cut = np.concatenate(drawn)
    inside = ((cut > 0) & (cut < 1000)).all(axis=1)
    assert inside.mean() == pytest.approx(0.75**2, abs=0.06)
    np.testing.assert_allclose((cut[:, 2:] - cut[:, :2])[inside], 250, atol=1)


def test_never_or_half_the_time():
    rng = np.random.default_rng(0)
    assert all(draw_holes(rng, Cutout(), SIZE).shape == (0, 4) for _ in range(20))
    share = np.mean([len(draw_holes(rng, Cutout(probability=0.5), SIZE)) == 0 for _ in range(2000)])
    assert share == pytest.approx(0.5, abs=0.04)


def test_the_generator_alone_decides():
    first, again, other = (draw_holes(np.random.default_rng(seed), ALWAYS, SIZE) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_cutout_leaves_its_arguments_alone(image):
    objects, before = relative([[0, 0, 9, 9]]), image.copy()
    cutout(image, objects, holes([0, 0, 20, 20]), 0.7)
    np.testing.assert_array_equal(image, before)
    assert not objects.crowd.any()
