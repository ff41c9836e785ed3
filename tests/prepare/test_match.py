import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.boxes import iou
from multibox.config import Network, Priors
from multibox.models.maps import network_priors
from multibox.overlaps import overlapping
from multibox.prepare.match import match, match_exclusively, over_crowd

NO_BOXES = np.zeros((0, 4), np.float32)


def random_boxes(rng, count, largest=0.5):
    corner, size = rng.random((count, 2)), 0.02 + largest * rng.random((count, 2))
    return np.concatenate([corner, corner + size], axis=1).astype(np.float32)


def match_slowly(overlaps, threshold):
    """REFERENCE 7 word by word: the best of all pairs, again and again; then the thresholds."""
    objects, priors = overlaps.shape
    matches = [-1] * priors
    free_objects, free_priors = set(range(objects)), set(range(priors))
    while free_objects:
        best, i, j = max(((overlaps[i, j], -i, -j) for i in free_objects for j in free_priors), default=(0, 0, 0))
        if best <= 1e-6:
            break
        matches[-j] = -i
        free_objects.remove(-i)
        free_priors.remove(-j)
    for j in free_priors:
        best, i = max(((overlaps[i, j], -i) for i in range(objects)), default=(0, 0))
        if best >= threshold and best > 1e-6:
            matches[j] = -i
    return matches


def match_plainly(boxes_rel, priors_rel, threshold):
    """REFERENCE: the table of all pairs. A row and a column are struck out after each match."""
    overlaps = iou(boxes_rel, priors_rel)
    closest, best = overlaps.argmax(axis=0), overlaps.max(axis=0)
    matches = np.where(best >= max(threshold, 1e-6), closest, -1)
    while overlaps.max() > 1e-6:
        i, j = np.unravel_index(overlaps.argmax(), overlaps.shape)
        matches[j] = i
        overlaps[i], overlaps[:, j] = 0, 0
    return matches


@given(st.integers(0, 2**32 - 1), st.integers(0, 8), st.integers(0, 30))
def test_like_the_slow_way(seed, objects, priors):
    rng = np.random.default_rng(seed)
    boxes_rel, priors_rel = random_boxes(rng, objects), random_boxes(rng, priors)
    if objects > 2:
        boxes_rel[1] = boxes_rel[0]  # twins, which want the same priors
    if priors > 2:
        priors_rel[2] = priors_rel[1]
    expected = match_slowly(iou(boxes_rel, priors_rel), 0.5)
    np.testing.assert_array_equal(match(boxes_rel, priors_rel, 0.5), expected)


PRIORS_REL = network_priors(Network(size=(128, 128)), Priors())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["small", "mixed", "on a raster", "one place"])
def test_a_crowd_is_matched_as_by_the_table_of_all_pairs(seed, kind):
    """More objects than a block holds, which compete for the same priors, with many equal IoUs."""
    rng = np.random.default_rng(seed)
    boxes_rel = random_boxes(rng, 300, 0.8 if kind == "mixed" else 0.02)
    if kind == "on a raster":
        boxes_rel[:, :2] = rng.integers(0, 30, (300, 2)) / 32
        boxes_rel[:, 2:] = boxes_rel[:, :2] + 1 / 32
    if kind == "one place":
        boxes_rel[:] = boxes_rel[0]
    for threshold in (0.1, 0.5):
        expected = match_plainly(boxes_rel, PRIORS_REL, threshold)
        np.testing.assert_array_equal(match(boxes_rel, PRIORS_REL, threshold), expected)


@given(st.integers(0, 2**32 - 1))
def test_every_object_gets_a_prior_of_its_own(seed):
    rng = np.random.default_rng(seed)
    boxes_rel, priors_rel = random_boxes(rng, 5), random_boxes(rng, 40, 1)
    overlaps = iou(boxes_rel, priors_rel)
    objects, priors = match_exclusively(list(overlapping(boxes_rel, priors_rel)))
    assert len(set(priors)) == len(priors) == len(set(objects))
    free = np.delete(overlaps, priors, axis=1)
    forgotten = np.setdiff1d(np.arange(5), objects)
    assert not (free[forgotten] > 1e-6).any()  # only where no free prior overlaps it
    np.testing.assert_array_equal(match(boxes_rel, priors_rel, 0.5)[priors], objects)


def test_two_objects_with_the_same_best_prior_share_it_not():
    priors_rel = np.array([[0, 0, 0.5, 0.5], [0.1, 0, 0.6, 0.5], [0.8, 0.8, 1, 1]], np.float32)
    boxes_rel = np.array([[0, 0, 0.5, 0.4], [0, 0, 0.5, 0.5]], np.float32)  # IoU with prior 0: 0.8 and 1
    np.testing.assert_array_equal(match(boxes_rel, priors_rel, 0.9), [1, 0, -1])


def test_the_closer_object_goes_first_even_if_it_comes_last():
    priors_rel = np.array([[0, 0, 0.5, 0.5]], np.float32)
    boxes_rel = np.array([[0, 0, 0.5, 0.4], [0, 0, 0.5, 0.45]], np.float32)
    np.testing.assert_array_equal(match(boxes_rel, priors_rel, 0.5), [1])


def test_a_free_prior_takes_the_object_it_overlaps_most(small_priors):
    boxes_rel = np.array([[0, 0, 0.25, 0.2], [0, 0, 0.25, 0.15]], np.float32)  # IoU 0.8 and 0.6 with prior 0
    priors_rel = np.concatenate([small_priors, small_priors[:1]])
    matches = match(boxes_rel, priors_rel, 0.5)
    assert matches[0] == 0  # its own: the first of two equal ones
    assert matches[17] == 1  # the second object's own
    np.testing.assert_array_equal(np.flatnonzero(matches >= 0), [0, 17])


def test_an_object_far_below_the_threshold_still_gets_its_prior(small_priors):
    tiny = np.array([[0.3, 0.3, 0.31, 0.31]], np.float32)
    matches = match(tiny, small_priors, 0.5)
    np.testing.assert_array_equal(np.flatnonzero(matches == 0), [5])  # row 1, column 1


def test_an_object_that_no_prior_overlaps_gets_none(small_priors):
    outside = np.array([[2, 2, 3, 3]], np.float32)
    assert (match(outside, small_priors, 0.5) == -1).all()
    assert (match(outside, small_priors, 0) == -1).all()  # not even with no threshold


def test_the_threshold_itself_matches():
    priors_rel = np.array([[0, 0, 1, 1], [0, 0, 1, 0.5], [0, 0, 1, 0.4375]], np.float32)
    np.testing.assert_array_equal(match(np.array([[0, 0, 1, 1]], np.float32), priors_rel, 0.5), [0, 0, -1])


def test_more_objects_than_priors():
    same = np.array([[0, 0, 1, 1]] * 3, np.float32)
    np.testing.assert_array_equal(match(same, same[:2], 0.5), [0, 1])


@pytest.mark.parametrize("priors", [0, 5])
def test_no_objects(priors):
    np.testing.assert_array_equal(match(NO_BOXES, np.ones((priors, 4), np.float32), 0.5), [-1] * priors)


def test_over_a_crowd_is_half_of_the_prior_inside():
    crowd = np.array([[0, 0, 0.5, 0.5]], np.float32)
    priors_rel = np.array([[0.1, 0.1, 0.2, 0.2], [0.4, 0, 0.6, 0.1], [0.4, 0, 0.7, 0.1], [0, 0, 1, 1]], np.float32)
    np.testing.assert_array_equal(over_crowd(crowd, priors_rel, 0.5 - 1e-6), [True, True, False, False])
    assert not over_crowd(NO_BOXES, priors_rel, 0.5).any()


def test_a_crowd_too_small_for_a_prior_still_takes_the_closest():
    crowds = np.array([[0.1, 0.1, 0.12, 0.2], [2, 2, 2.1, 2.1]], np.float32)  # the second is beyond all priors
    priors_rel = np.array([[0, 0, 0.5, 0.5], [0.05, 0.05, 0.25, 0.25], [0.6, 0.6, 0.9, 0.9]], np.float32)
    np.testing.assert_array_equal(over_crowd(crowds, priors_rel, 0.5), [False, True, False])
