from dataclasses import replace

import numpy as np
import pytest

from multibox.evaluation.bootstrap import draw_weights, interval, mean_over_classes, resampled_ap
from multibox.evaluation.columns import Found
from multibox.evaluation.outcomes import find_outcomes
from multibox.evaluation.voc import mean_of, voc


def repeated(truth, found, weights):
    """The split in which each image is there as often as it was drawn, as images of their own."""
    copies = [(image, copy) for image, count in enumerate(weights.astype(int)) for copy in range(count)]
    rows = [(np.flatnonzero(truth.images == image), np.flatnonzero(found.images == image)) for image, _ in copies]
    objects = np.concatenate([mine for mine, _ in rows])
    # Of equal scores the earlier detection goes first, whatever its image: the copies stay next to the original.
    detections = sorted((int(d), place) for place, (_, mine) in enumerate(rows) for d in mine)
    order = np.array([d for d, _ in detections], int)
    columns = {name: getattr(truth, name)[objects] for name in ("labels", "boxes", "difficult", "crowd", "area")}
    images = np.repeat(np.arange(len(copies)), [len(mine) for mine, _ in rows])
    drawn = replace(truth, image_ids=tuple(map(str, range(len(copies)))), images=images, **columns)
    places = np.array([place for _, place in detections], int)
    return drawn, Found(places, found.labels[order], found.scores[order], found.boxes[order])


@pytest.mark.parametrize("seed", range(6))
def test_a_draw_is_judged_as_the_drawn_images_would_be(make_random_case, seed):
    truth, found = make_random_case(seed)
    weights = draw_weights(len(truth.image_ids), draws=40, seed=seed)
    ap = resampled_ap(find_outcomes(truth, found), weights)
    for row, drawn in zip(ap, weights, strict=True):
        expected = voc(*repeated(truth, found, drawn)).ap
        np.testing.assert_allclose(row, expected, atol=1e-6)
    np.testing.assert_allclose(mean_over_classes(ap), [mean_of(row) for row in ap])


def test_once_each_is_the_figure_itself(make_random_case):
    truth, found = make_random_case(3)
    ap = resampled_ap(find_outcomes(truth, found), np.ones((1, len(truth.image_ids)), np.float32))
    np.testing.assert_allclose(ap[0], voc(truth, found).ap, atol=1e-12)


def test_draws_are_of_as_many_images():
    weights = draw_weights(50, draws=200)
    assert (weights.sum(axis=1) == 50).all()
    assert weights.var() == pytest.approx(1, abs=0.05)  # of a binomial with n = 50, p = 1/50
    np.testing.assert_array_equal(weights, draw_weights(50, draws=200))


def test_interval():
    found = interval(np.append(np.arange(1001) / 1000, np.nan))
    assert (found.low, found.high) == pytest.approx((0.025, 0.975))
    assert np.isnan(interval(np.array([np.nan])).low)


def test_the_interval_covers_what_repeated_samples_give(make_truth, make_found):
    """Half of 400 images have their one object found: AP is 1/2, with a standard error of 1/40."""
    box = (0, 0, 40, 40)
    truth = make_truth([(i, 0, box) for i in range(400)], classes=("a",))
    found = make_found([(i, 0, 0.9, box) for i in range(0, 400, 2)])
    drawn = interval(mean_over_classes(resampled_ap(find_outcomes(truth, found), draw_weights(400, draws=1000))))
    assert drawn.low == pytest.approx(0.5 - 1.96 / 40, abs=0.006)
    assert drawn.high == pytest.approx(0.5 + 1.96 / 40, abs=0.006)


def test_nothing(make_truth, make_found):
    box = (0, 0, 40, 40)
    weights = draw_weights(3, draws=5)
    none_found = resampled_ap(find_outcomes(make_truth([(0, 0, box)], images=3), make_found([])), weights)
    assert np.nansum(none_found) == 0
    none_there = resampled_ap(find_outcomes(make_truth([], images=3), make_found([(0, 0, 0.9, box)])), weights)
    assert np.isnan(none_there).all()
    assert resampled_ap(find_outcomes(make_truth([], images=0), make_found([])), draw_weights(0)).shape == (0, 3)
