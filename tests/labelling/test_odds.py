import numpy as np
import pytest

from multibox.labelling.odds import learn


def log_odds(odds, features):
    """Of each kind against what is right, if all were equally frequent."""
    chances = odds.chances(features, 1.0)
    return np.log(chances / (1 - chances.sum(axis=1, keepdims=True)))


def test_normal_distributions_have_the_log_odds_of_their_densities():
    """Of equal spread, the log ratio of two densities is linear: (m1 - m0) x - (m1^2 - m0^2) / 2."""
    rng = np.random.default_rng(0)
    means = (1.5, -1.0)
    odds = learn(rng.normal(0, 1, (20_000, 1)), [rng.normal(mean, 1, (10_000, 1)) for mean in means])
    points = np.array([[-1.0], [0.0], [0.75], [2.0]])
    for kind, mean in enumerate(means):
        assert log_odds(odds, points)[:, kind] == pytest.approx(mean * points[:, 0] - mean**2 / 2, abs=0.1)


def test_the_odds_do_not_depend_on_how_many_errors_were_made():
    rng = np.random.default_rng(1)
    right, wrong = rng.normal(0, 1, (500, 2)), rng.normal(1, 1, (500, 2))
    points = rng.normal(0.5, 1, (10, 2))
    more = learn(right, [np.tile(wrong, (4, 1))])
    assert log_odds(more, points) == pytest.approx(log_odds(learn(right, [wrong]), points), abs=0.01)


def test_a_rate_is_the_odds_where_evidence_says_nothing():
    features = np.random.default_rng(2).normal(0, 1, (200, 1))
    assert learn(features, [features]).chances(features, 0.25) == pytest.approx(0.2, abs=0.01)


def test_separated_examples_and_constant_features_give_finite_odds():
    right = np.stack([np.arange(50.0), np.ones(50)], axis=1)
    odds = learn(right, [right + np.array([100, 0])])
    assert np.isfinite(odds.weights).all()
    assert odds.chances(np.array([[20.0, 1], [130.0, 1]]), 1.0)[:, 0] == pytest.approx([0, 1], abs=0.2)


def test_a_kind_without_examples_has_no_chance_and_nothing_is_learned_from_a_handful():
    right = np.arange(20.0)[:, None]
    assert learn(right, [right + 5, right[:2]]).chances(right, 0.1)[:, 1].tolist() == [0] * 20
    assert learn(right, [right[:2]]) is None
    assert learn(right[:4], [right]) is None
