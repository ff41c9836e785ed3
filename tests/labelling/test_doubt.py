import numpy as np
import pytest

from multibox.labelling.doubt import class_weights, doubt_of, doubts


def test_doubt_is_one_minus_the_squared_margin():
    scores = np.array([0, 0.1, 0.25, 0.5, 0.9, 1])
    margins = np.abs(scores - (1 - scores))
    np.testing.assert_allclose(doubts(scores), 1 - margins**2, atol=1e-12)
    assert doubts(np.array([0.5])) == 1


def test_an_images_doubt_is_the_weighted_sum_over_its_detections():
    # 4 * 0.5 * 0.5 = 1 of class 1, 4 * 0.2 * 0.8 = 0.64 of class 0
    assert doubt_of(np.array([0.5, 0.2]), np.array([1, 0]), np.array([1.0, 3.0])) == pytest.approx(3 + 0.64)
    assert doubt_of(np.zeros(0), np.zeros(0, np.int64), np.ones(2)) == 0


def test_rare_classes_count_more():
    # (N + C) / (N_c + 1) is 102 / 100 for 99 of 100 objects and 102 / 2 for 1; their square roots are 1.01 and 7.14
    weights = class_weights(("common", "rare"), {"common": 99, "rare": 1})
    assert weights.mean() == pytest.approx(1)
    assert weights[1] / weights[0] == pytest.approx(np.sqrt(51 / 1.02))
    assert class_weights(("a", "b"), None).tolist() == [1, 1]
    assert np.isfinite(class_weights(("a", "b"), {})).all()
