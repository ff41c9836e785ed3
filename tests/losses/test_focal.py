import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multibox.losses.focal import focal_loss
from namespaces import in_both


def focal(truth, logits, **numbers):
    return in_both(focal_loss, np.asarray(truth, "f4"), np.asarray(logits, "f4"), **numbers)


def by_the_paper(truth, logits, alpha, gamma):
    """REFERENCE: equation 5 in float64, as it is written."""
    p = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
    p_t, alpha_t = np.where(truth, p, 1 - p), np.where(truth, alpha, 1 - alpha)
    return -alpha_t * (1 - p_t) ** gamma * np.log(p_t)


def test_by_hand():
    """At p = 0.5: 0.25 * 0.25 * log 2 for what is there, 0.75 * 0.25 * log 2 for what is not; at p = 0.9 of a one:"""
    expected = [0.0625 * math.log(2), 0.1875 * math.log(2), 0.25 * 0.01 * -math.log(0.9)]
    np.testing.assert_allclose(focal([1, 0, 1], [0, 0, math.log(9)]), expected, rtol=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.25, 0.5, 0.9]), st.sampled_from([0.0, 0.5, 2.0, 5.0]))
def test_like_the_paper(seed, alpha, gamma):
    rng = np.random.default_rng(seed)
    truth, logits = rng.random((4, 5)) < 0.3, rng.normal(size=(4, 5), scale=4)
    expected = by_the_paper(truth, logits, alpha, gamma)
    np.testing.assert_allclose(focal(truth, logits, alpha=alpha, gamma=gamma), expected, rtol=1e-4, atol=1e-7)


def test_without_focus_it_is_half_the_cross_entropy():
    logits, truth = np.linspace(-9, 9, 19), np.arange(19) % 2
    entropy = np.logaddexp(0, np.where(truth, -logits, logits))
    np.testing.assert_allclose(focal(truth, logits, alpha=0.5, gamma=0), entropy / 2, rtol=1e-5)


def test_an_easy_negative_hardly_counts():
    easy, hard = focal([0, 0], [-4.6, 2.0])
    assert easy < 1e-5 * hard


@pytest.mark.parametrize("logit", [-1e30, -1000, 1000, 1e30])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_sure_logits_are_finite(logit, gamma):
    right, wrong = focal([logit > 0, logit < 0], [logit, logit], gamma=gamma)
    assert right == 0
    assert wrong == pytest.approx((0.25 if logit < 0 else 0.75) * abs(logit), rel=1e-5)
