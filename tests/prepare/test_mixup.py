import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.config import Mixup
from multibox.data.record import make_objects
from multibox.prepare.mixup import draw_weight, mixup

NOTHING = make_objects([], [])


def plain(value, objects=NOTHING):
    return np.full((4, 6, 3), value, np.uint8), objects


@pytest.mark.parametrize(
    ("first", "second", "weight", "expected"),
    [
        (0, 200, 0.25, 150),
        (200, 0, 0.25, 50),
        (10, 11, 0.25, 11),  # 10.75
        (255, 255, 0.3, 255),
        (7, 200, 1, 7),
        (7, 200, 0, 200),
    ],
)
def test_blend_worked_by_hand(first, second, weight, expected):
    image, objects = mixup(plain(first), plain(second), weight)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, np.full((4, 6, 3), expected))
    assert len(objects) == 0


def test_the_objects_of_both():
    first = plain(0, make_objects([[0, 0, 0.5, 0.5]], [1], difficult=[1], ids="a"))
    second = plain(9, make_objects([[0.5, 0, 1, 1], [0, 0, 1, 1]], [2, 3], crowd=[0, 1], ids="bc"))
    _, objects = mixup(first, second, 0.5)
    np.testing.assert_array_equal(objects.boxes, [[0, 0, 0.5, 0.5], [0.5, 0, 1, 1], [0, 0, 1, 1]])
    np.testing.assert_array_equal(objects.labels, [1, 2, 3])
    np.testing.assert_array_equal(objects.difficult, [True, False, False])
    np.testing.assert_array_equal(objects.crowd, [False, False, True])
    assert objects.ids == ("a", "b", "c")


def test_mixup_leaves_its_arguments_alone():
    first, second = plain(10), plain(20)
    mixup(first, second, 1.0)[0][:] = 0
    assert (first[0] == 10).all()
    assert (second[0] == 20).all()


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_a_blend_lies_between_the_two_and_does_not_mind_their_order(seed, weight):
    first, second = np.random.default_rng(seed).integers(0, 256, (2, 5, 7, 3), np.uint8)
    image, _ = mixup((first, NOTHING), (second, NOTHING), weight)
    swapped, _ = mixup((second, NOTHING), (first, NOTHING), 1 - weight)
    exact = weight * first + (1 - weight) * second
    assert np.abs(image - exact).max() <= 0.5 + 1e-4
    assert np.abs(image.astype(int) - swapped).max() <= 1  # halves may be rounded either way
    assert (image >= np.minimum(first, second)).all()
    assert (image <= np.maximum(first, second)).all()


@pytest.mark.parametrize("alpha", [1, 8])
def test_weights_are_spread_as_beta_is(alpha):
    rng = np.random.default_rng(0)
    weights = np.array([draw_weight(rng, Mixup(alpha=alpha)) for _ in range(4000)])
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert weights.mean() == pytest.approx(0.5, abs=0.02)
    assert weights.std() == pytest.approx(0.5 / np.sqrt(2 * alpha + 1), rel=0.05)


def test_the_generator_alone_decides():
    first, again, other = (draw_weight(np.random.default_rng(seed), Mixup()) for seed in (5, 5, 6))
    assert first == again
    assert first != other
