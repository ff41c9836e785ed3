import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from multibox.config import Detect
from multibox.postprocess.nms import select
from plain_nms import plain_soft_nms

corners = arrays(np.float32, st.tuples(st.integers(0, 20), st.just(4)), elements=st.integers(0, 12).map(np.float32))


@st.composite
def scored_boxes(draw):
    """No two scores are equal, also not after a decay: of equal ones, rounding would decide which is taken first."""
    boxes = draw(corners)
    boxes = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.random((len(boxes), draw(st.integers(1, 3)))).astype(np.float32), boxes


@settings(max_examples=200, deadline=None)
@given(
    scored_boxes(),
    st.sampled_from([("soft-linear", 0.3), ("soft-linear", 0.0), ("soft-gaussian", 0.5), ("soft-gaussian", 0.1)]),
    st.booleans(),
    st.integers(1, 30),
)
def test_select_is_the_plain_loop(scored, method, agnostic, per_image):
    scores, boxes = scored
    name, number = method
    parameter = {"nms_iou": number} if name == "soft-linear" else {"nms_sigma": number}
    config = Detect(nms=name, score=0.05, agnostic=agnostic, per_image=per_image, **parameter)
    expected = plain_soft_nms(scores, boxes, config)
    chosen = select(scores, boxes, config)
    np.testing.assert_allclose(chosen.scores, [score for _, score in expected], rtol=1e-4)
    assert chosen.labels.tolist() == [label for (_, label), _ in expected]
    np.testing.assert_array_equal(chosen.boxes, boxes[[prior for (prior, _), _ in expected]].reshape(-1, 4))


@pytest.mark.parametrize(
    ("nms", "second"), [("hard", None), ("soft-linear", 0.8 / 3), ("soft-gaussian", 0.8 * np.exp(-(4 / 9) / 0.5))]
)
def test_by_hand(nms, second):
    """Two boxes of IoU 2/3 and one apart."""
    boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]], np.float32)
    chosen = select(np.array([[0.9], [0.8], [0.7]], np.float32), boxes, Detect(nms=nms))
    expected = [0.9, 0.7] if second is None else [0.9, 0.7, second]
    np.testing.assert_allclose(chosen.scores, expected, rtol=1e-5)


@pytest.mark.parametrize("nms", ["soft-linear", "soft-gaussian"])
def test_nothing_to_choose(nms):
    chosen = select(np.zeros((3, 2), np.float32), np.zeros((3, 4), np.float32), Detect(nms=nms))
    assert chosen.boxes.shape == (0, 4)


def test_thresholds_hold_for_what_is_left():
    boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10]], np.float32)
    scores = np.array([[0.9], [0.8]], np.float32)
    chosen = select(scores, boxes, Detect(nms="soft-linear"), thresholds=np.array([0.3]))
    assert chosen.scores.tolist() == pytest.approx([0.9])
