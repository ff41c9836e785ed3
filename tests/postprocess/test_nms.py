from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from multibox.config import Detect
from multibox.postprocess.nms import select, suppress
from plain_nms import plain_nms

# Corners on a grid and scores in tenths, so that ties of scores and overlaps right at the threshold do happen.
corners = arrays(np.float32, st.tuples(st.integers(0, 25), st.just(4)), elements=st.integers(0, 12).map(np.float32))


@st.composite
def scored_boxes(draw):
    boxes = draw(corners)
    boxes = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)
    tenths = draw(arrays(np.int64, (len(boxes), draw(st.integers(1, 3))), elements=st.integers(0, 10)))
    return tenths.astype(np.float32) / 10, boxes


def assert_same(chosen, expected, boxes):
    """Labels, scores and boxes are those of rows ``((prior, label), score)``."""
    assert chosen.labels.tolist() == [label for (_, label), _ in expected]
    np.testing.assert_array_equal(chosen.scores, np.array([score for _, score in expected], np.float32))
    np.testing.assert_array_equal(chosen.boxes, boxes[[prior for (prior, _), _ in expected]].reshape(-1, 4))


@settings(max_examples=300, deadline=None)
@given(
    scored_boxes(),
    st.sampled_from([0.0, 0.25, 0.45, 0.5, 1.0]),
    st.integers(1, 12),
    st.integers(1, 12),
    st.booleans(),
    st.sampled_from([1, 3, 32]),
)
def test_select_is_the_plain_loop(scored, nms_iou, per_class, per_image, agnostic, block):
    scores, boxes = scored
    config = Detect(score=0.05, nms_iou=nms_iou, per_class=per_class, per_image=per_image, agnostic=agnostic)
    with patch("multibox.postprocess.nms.BLOCK", block):
        assert_same(select(scores, boxes, config), plain_nms(scores, boxes, config), boxes)


@pytest.mark.parametrize("agnostic", [False, True])
def test_select_is_the_plain_loop_on_many_boxes(agnostic):
    rng = np.random.default_rng(0)
    low = rng.random((1500, 2), np.float32)
    boxes = np.concatenate([low, low + rng.random((1500, 2), np.float32) * 0.3], axis=1)
    scores = rng.random((1500, 4), np.float32) ** 4
    config = Detect(agnostic=agnostic)
    assert_same(select(scores, boxes, config), plain_nms(scores, boxes, config), boxes)


def test_agnostic_keeps_the_best_class_of_a_box():
    boxes = np.array([[0, 0, 1, 1], [0, 0, 1, 1.1]], np.float32)
    chosen = select(np.array([[0.3, 0.9], [0.8, 0.2]], np.float32), boxes, Detect(agnostic=True))
    assert chosen.labels.tolist() == [1]


def one_class(boxes, threshold):
    return suppress(boxes, np.zeros(len(boxes), int), threshold)


def test_a_suppressed_box_suppresses_nothing():
    # Each overlaps the next by IoU 2/3: the second goes for the first, so the third stays, so the fourth goes.
    boxes = np.array([[x, 0, x + 10, 10] for x in (0, 2, 4, 6, 20)], np.float32)
    assert one_class(boxes, 0.5).tolist() == [True, False, True, False, True]


def test_overlap_at_the_threshold_stays():
    boxes = np.array([[0, 0, 2, 1], [1, 0, 3, 1]], np.float32)  # IoU 1/3
    third = np.float32(1) / np.float32(3)
    assert one_class(boxes, float(third)).tolist() == [True, True]
    assert one_class(boxes, 0.33).tolist() == [True, False]


def test_classes_do_not_suppress_one_another():
    boxes = np.array([[0, 0, 1, 1]], np.float32)
    chosen = select(np.array([[0.3, 0.9]], np.float32), boxes, Detect())
    assert chosen.labels.tolist() == [1, 0]
    assert chosen.scores.tolist() == pytest.approx([0.9, 0.3])


def test_thresholds_by_class():
    boxes = np.array([[0, 0, 1, 1], [5, 5, 6, 6]], np.float32)
    scores = np.array([[0.6, 0.6], [0.4, 0.4]], np.float32)
    chosen = select(scores, boxes, Detect(), thresholds=np.array([0.5, 0.3]))
    assert list(zip(chosen.labels.tolist(), chosen.boxes[:, 0].tolist(), strict=True)) == [(0, 0), (1, 0), (1, 5)]


def test_a_score_at_the_threshold_is_left_out():
    boxes = np.array([[0, 0, 1, 1]], np.float32)
    assert len(select(np.array([[0.5]], np.float32), boxes, Detect(score=0.5)).scores) == 0


@pytest.mark.parametrize("priors", [0, 5])
def test_nothing_to_choose(priors):
    chosen = select(np.zeros((priors, 3), np.float32), np.zeros((priors, 4), np.float32), Detect())
    assert chosen.boxes.shape == (0, 4)
    assert chosen.scores.shape == chosen.labels.shape == (0,)
    assert chosen.labels.dtype == np.int64


def test_suppress_nothing():
    assert one_class(np.zeros((0, 4), np.float32), 0.5).shape == (0,)


def test_empty_boxes_do_not_make_nan():
    boxes = np.zeros((3, 4), np.float32)
    assert one_class(boxes, 0.45).all()
