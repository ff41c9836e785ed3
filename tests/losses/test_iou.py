import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from box_losses import by_the_paper, random_boxes
from multibox import boxes
from multibox.losses.iou import ciou_loss, diou_loss, giou_loss, paired_iou
from namespaces import in_both

UNIT = [0, 0, 1, 1]


def of(loss, found, wanted):
    return in_both(loss, np.asarray(found, "f4"), np.asarray(wanted, "f4"))


@pytest.mark.parametrize(("name", "loss"), [("giou", giou_loss), ("diou", diou_loss), ("ciou", ciou_loss)])
@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1))
def test_like_the_papers(name, loss, seed):
    rng = np.random.default_rng(seed)
    found, wanted = random_boxes(rng, 12), random_boxes(rng, 12)
    expected = [by_the_paper(name, a, b) for a, b in zip(found, wanted, strict=True)]
    np.testing.assert_allclose(of(loss, found, wanted), expected, rtol=1e-4, atol=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_the_iou_is_that_of_the_boxes(seed):
    rng = np.random.default_rng(seed)
    found, wanted = random_boxes(rng, 9), random_boxes(rng, 9)
    np.testing.assert_allclose(of(paired_iou, found, wanted), boxes.iou(found, wanted).diagonal(), atol=1e-6)


def test_by_hand():
    """Half of the unit square: IoU 1/2, nothing more around both. Two squares one apart: around both 3, diagonal 10."""
    half, beside = [0, 0, 0.5, 1], [2, 0, 3, 1]
    assert of(giou_loss, half, UNIT) == pytest.approx(0.5)
    assert of(giou_loss, beside, UNIT) == pytest.approx(1 + 1 / 3)
    assert of(diou_loss, half, UNIT) == pytest.approx(0.5 + 0.25**2 / 2)
    assert of(diou_loss, beside, UNIT) == pytest.approx(1 + 4 / 10)
    v = 4 / math.pi**2 * (math.atan(1) - math.atan(0.5)) ** 2
    assert of(ciou_loss, half, UNIT) == pytest.approx(0.5 + 0.25**2 / 2 + v * v / (0.5 + v))


@pytest.mark.parametrize("loss", [giou_loss, diou_loss, ciou_loss])
@pytest.mark.parametrize("size", [1e-3, 1, 1e3])
def test_equal_boxes_lose_nothing(loss, size):
    box = np.array([3.0, 4, 3.7, 5]) * size
    assert of(loss, box, box) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("loss", "limit"), [(giou_loss, 2), (diou_loss, 2)])
def test_distant_boxes_lose_nearly_two(loss, limit):
    assert of(loss, [1e4, 1e4, 1e4 + 1, 1e4 + 1], UNIT) == pytest.approx(limit, abs=1e-3)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_ciou_adds_to_diou_and_only_for_another_shape(seed):
    rng = np.random.default_rng(seed)
    found, wanted = random_boxes(rng, 20), random_boxes(rng, 20)
    assert (of(ciou_loss, found, wanted) >= of(diou_loss, found, wanted)).all()
    moved = wanted + np.float32(7)
    np.testing.assert_allclose(of(ciou_loss, moved, wanted), of(diou_loss, moved, wanted), atol=1e-5)
