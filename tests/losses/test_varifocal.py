import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multibox.losses.varifocal import varifocal_loss
from namespaces import in_both


def varifocal(quality, logits, **numbers):
    return in_both(varifocal_loss, np.asarray(quality, "f4"), np.asarray(logits, "f4"), **numbers)


def by_the_paper(q, logits, alpha, gamma):
    """REFERENCE: equation 2 in float64, as it is written."""
    p = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
    return np.where(q > 0, -q * (q * np.log(p) + (1 - q) * np.log(1 - p)), -alpha * p**gamma * np.log(1 - p))


def test_by_hand():
    """At p = 0.5: q log 2 with q = 0.8; and 0.75 * 0.25 * log 2 for a negative."""
    np.testing.assert_allclose(varifocal([0.8, 0], [0, 0]), [0.8 * math.log(2), 0.1875 * math.log(2)], rtol=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.25, 0.75]), st.sampled_from([0.0, 1.0, 2.0]))
def test_like_the_paper(seed, alpha, gamma):
    rng = np.random.default_rng(seed)
    quality = np.where(rng.random((4, 5)) < 0.3, rng.random((4, 5)), 0)
    logits = rng.normal(size=(4, 5), scale=4)
    expected = by_the_paper(quality, logits, alpha, gamma)
    np.testing.assert_allclose(varifocal(quality, logits, alpha=alpha, gamma=gamma), expected, rtol=1e-4, atol=1e-7)


def test_for_a_perfect_box_it_is_the_cross_entropy_of_a_one():
    logits = np.linspace(-9, 9, 19)
    np.testing.assert_allclose(varifocal(np.ones(19), logits), np.logaddexp(0, -logits), rtol=1e-5)


@pytest.mark.parametrize("quality", [0.1, 0.5, 0.9])
def test_it_is_least_where_the_score_is_the_quality(quality):
    p = np.linspace(0.01, 0.99, 99)
    assert p[varifocal(np.full(99, quality), np.log(p / (1 - p))).argmin()] == pytest.approx(quality)


@pytest.mark.parametrize("logit", [-1e30, -1000, 1000, 1e30])
def test_sure_logits_are_finite(logit):
    positive, negative = varifocal([0.5, 0], [logit, logit])
    assert positive == pytest.approx(0.25 * abs(logit), rel=1e-5)
    assert negative == pytest.approx(0.75 * max(logit, 0), rel=1e-5)
