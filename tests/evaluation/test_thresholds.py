import numpy as np
import pytest

from multibox.evaluation.outcomes import find_outcomes
from multibox.evaluation.thresholds import USUAL, best_thresholds, f1_at, threshold_array

BOX, FAR = (0, 0, 40, 40), (100, 0, 140, 40)


def slow_f1(outcomes, label, threshold):
    shown = [
        hit
        for hit, score, of in zip(outcomes.hits, outcomes.found.scores, outcomes.found.labels, strict=True)
        if of == label and score > threshold
    ]
    total = outcomes.positives[label]
    return 2 * sum(shown) / (len(shown) + total) if len(shown) + total else 0.0


@pytest.mark.parametrize("seed", range(8))
def test_equal_to_the_loop(make_random_case, seed):
    case = find_outcomes(*make_random_case(seed))
    thresholds = np.append(np.unique(case.found.scores), [0.0, 0.31, 1.0])
    for label, best in enumerate(best_thresholds(case)):
        expected = [slow_f1(case, label, threshold) for threshold in thresholds]
        np.testing.assert_allclose(f1_at(case, label, thresholds), expected)
        assert best.f1 == pytest.approx(max(expected))
        assert slow_f1(case, label, best.threshold) == pytest.approx(best.f1)
        assert best.f1 == pytest.approx(2 * best.precision * best.recall / (best.precision + best.recall))


def test_half_way_to_what_is_not_worth_showing(make_truth, make_found):
    case = find_outcomes(
        make_truth([(0, 0, BOX)]), make_found([(0, 0, 0.75, BOX), (0, 0, 0.25, FAR), (0, 1, 0.5, FAR)])
    )
    best = best_thresholds(case)
    assert best[0].threshold == 0.5
    assert (best[0].f1, best[0].precision, best[0].recall) == (1, 1, 1)
    assert best[1] is best[2] is None
    assert threshold_array(best).tolist() == [0.5, USUAL, USUAL]


def test_nothing(make_truth, make_found):
    case = find_outcomes(make_truth([(0, 0, BOX)]), make_found([]))
    assert best_thresholds(case) == [None] * 3
    assert f1_at(case, 0, np.array([0.0, 0.5])).tolist() == [0, 0]
