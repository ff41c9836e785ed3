import numpy as np
import pytest

from multibox.postprocess.decode import decode, scores_of


def test_scores_are_the_softmax_without_background():
    logits = np.log(np.array([[5, 3, 2], [1, 1, 2]], np.float32))  # shares .5 .3 .2 and .25 .25 .5
    np.testing.assert_allclose(scores_of(logits), [[0.3, 0.2], [0.25, 0.5]], rtol=1e-6)


def test_scores_of_huge_logits_are_finite():
    np.testing.assert_allclose(scores_of(np.array([[1000.0, -1000.0], [-1000.0, 1000.0]])), [[0], [1]])


def test_sigmoid_scores_are_each_for_itself_and_background_says_nothing():
    logits = np.array([[50, 0, np.log(3)], [-50, -np.log(4), 0]], np.float32)
    np.testing.assert_allclose(scores_of(logits, "sigmoid"), [[0.5, 0.75], [0.2, 0.5]], rtol=1e-6)


@pytest.mark.filterwarnings("error")
def test_sigmoid_scores_of_huge_logits_are_finite():
    scores = scores_of(np.array([[0, 1000.0, -1000.0, 1e38, -1e38]], np.float32), "sigmoid")
    np.testing.assert_allclose(scores, [[1, 0, 1, 0]], atol=1e-30)
    assert scores.dtype == np.float32


def test_above_holds_for_sigmoid_scores_too():
    logits = np.array([[0, -9, -9], [9, 0, 1], [0, 9, 9]], np.float32)
    scores, boxes_rel = decode(logits, np.zeros((3, 4)), np.ones((3, 4)), above=0.6, activation="sigmoid")
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits[1:, 1:])), rtol=1e-6)
    assert boxes_rel.shape == (2, 4)


def test_boxes_by_hand():
    priors_rel = np.array([[0.2, 0.2, 0.4, 0.6]], np.float32)  # centre (.3, .4), size (.2, .4)
    # cx = .3 + 5 * .1 * .2 = .4; cy = .4 - 2.5 * .1 * .4 = .3; w = .2 * exp(.2 * ln2 / .2) = .4; h = .4
    deltas = np.array([[5, -2.5, np.log(2) / 0.2, 0]], np.float32)
    _, boxes_rel = decode(np.zeros((1, 2), np.float32), deltas, priors_rel)
    np.testing.assert_allclose(boxes_rel, [[0.2, 0.1, 0.6, 0.5]], atol=1e-6)


def test_variances_are_used():
    priors_rel = np.array([[0.0, 0.0, 1.0, 1.0]], np.float32)
    _, boxes_rel = decode(np.zeros((1, 2)), np.array([[0.25, 0, 0, 0]]), priors_rel, variances=(1, 1, 1, 1))
    np.testing.assert_allclose(boxes_rel, [[0.25, 0, 1.25, 1]], atol=1e-6)


def test_above_leaves_out_priors_without_a_score():
    logits = np.array([[9, 0, 0], [0, 9, 0], [9, 0, 0], [0, 0, 9]], np.float32)
    priors_rel = np.arange(16, dtype=np.float32).reshape(4, 4) / 16
    deltas = np.zeros((4, 4), np.float32)
    scores, boxes_rel = decode(logits, deltas, priors_rel, above=0.5)
    all_scores, all_boxes = decode(logits, deltas, priors_rel)
    np.testing.assert_array_equal(scores, all_scores[[1, 3]])
    np.testing.assert_array_equal(boxes_rel, all_boxes[[1, 3]])


@pytest.mark.parametrize("priors", [0, 3])
def test_nothing_above(priors):
    scores, boxes_rel = decode(np.zeros((priors, 3)), np.zeros((priors, 4)), np.ones((priors, 4)), above=0.9)
    assert scores.shape == (0, 2)
    assert boxes_rel.shape == (0, 4)
