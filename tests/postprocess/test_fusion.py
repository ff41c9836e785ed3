import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multibox.postprocess.fusion import fuse
from multibox.postprocess.nms import Selected
from plain_nms import plain_fusion


def found(rows):
    boxes = np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4)
    return Selected(boxes, np.array([s for _, s, _ in rows], np.float32), np.array([c for _, _, c in rows], np.int64))


@st.composite
def views(draw):
    """Around a few places, so that many boxes overlap; no two scores or overlaps are equal."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    places = rng.uniform(0, 100, (draw(st.integers(1, 4)), 2))
    made = []
    for count in draw(st.lists(st.integers(0, 8), min_size=1, max_size=4)):
        low = places[rng.integers(0, len(places), count)] + rng.normal(0, 4, (count, 2))
        boxes = np.concatenate([low, low + rng.uniform(20, 40, (count, 2))], axis=1)
        rows = zip(boxes.tolist(), rng.random(count).tolist(), rng.integers(0, 2, count).tolist(), strict=True)
        made.append(list(rows))
    return made


@settings(max_examples=200, deadline=None)
@given(views(), st.sampled_from([0.3, 0.55, 0.8]))
def test_fuse_is_the_plain_loop(views, same):
    expected = plain_fusion(views, same)
    got = fuse([found(view) for view in views], same=same)
    np.testing.assert_allclose(got.scores, [score for _, score, _ in expected], rtol=1e-5)
    assert got.labels.tolist() == [label for _, _, label in expected]
    np.testing.assert_allclose(got.boxes, np.array([box for box, _, _ in expected]).reshape(-1, 4), rtol=1e-4)


def test_by_hand():
    """Weights 0.6 and 0.2: the left edges 0 and 4 become 1; the mean score is 0.4, and both of two views found it."""
    both = fuse([found([((0, 0, 20, 20), 0.6, 3)]), found([((4, 0, 20, 20), 0.2, 3)])])
    np.testing.assert_allclose(both.boxes, [[1, 0, 20, 20]], rtol=1e-6)
    assert both.scores.tolist() == pytest.approx([0.4])
    assert both.labels.tolist() == [3]


def test_what_one_view_of_two_shows_counts_half():
    assert fuse([found([((0, 0, 20, 20), 0.6, 0)]), found([])]).scores.tolist() == pytest.approx([0.3])


def test_classes_join_when_agnostic_alone():
    views = [found([((0, 0, 20, 20), 0.4, 0)]), found([((0, 0, 20, 20), 0.8, 1)])]
    assert sorted(fuse(views).labels.tolist()) == [0, 1]
    joined = fuse(views, agnostic=True)
    assert joined.labels.tolist() == [1]
    assert joined.scores.tolist() == pytest.approx([0.6])


def test_nothing():
    assert fuse([found([]), found([])]).boxes.shape == (0, 4)
