"""The loss against hand-worked values and a version of plain Python loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multibox.config import Loss
from multibox.losses.multibox import mine, multibox_loss, smooth_l1
from namespaces import in_both


def loop_loss(labels, deltas, logits, predicted, config):
    """REFERENCE: SSD equations 1 to 3, one prior after the other."""
    classification = localisation = 0.0
    for image in range(len(labels)):
        background, positives = [], 0
        for prior, label in enumerate(labels[image]):
            total = math.log(sum(math.exp(x) for x in logits[image][prior]))
            if label > 0:
                positives += 1
                classification += total - logits[image][prior][label]
                for have, want in zip(predicted[image][prior], deltas[image][prior], strict=True):
                    distance = abs(have - want)
                    localisation += 0.5 * distance**2 if distance < 1 else distance - 0.5
            elif label == 0:
                background.append(total - logits[image][prior][0])
        quota = math.ceil(max(config.negatives * positives, config.min_negatives))
        classification += sum(sorted(background, reverse=True)[:quota])
    return classification, localisation, sum(label > 0 for row in labels for label in row)


@settings(max_examples=30, deadline=None)
@given(
    images=st.integers(1, 3),
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.0, 0.1, 0.6]),
    negatives=st.sampled_from([3.0, 1.5]),
)
def test_equals_the_plain_loops(images, seed, share, negatives):
    rng = np.random.default_rng(seed)
    config = Loss(negatives=negatives, min_negatives=3)
    rest = np.where(rng.random((images, 20)) < 0.1, -1, 0)
    labels = np.where(rng.random((images, 20)) < share, rng.integers(1, 4, (images, 20)), rest)
    deltas, predicted = rng.normal(size=(2, images, 20, 4)).astype("float32")
    logits = rng.normal(size=(images, 20, 4)).astype("float32")
    parts = in_both(multibox_loss, labels.astype("int32"), deltas, logits, predicted, config, atol=1e-5)
    expected = loop_loss(labels, deltas, logits, predicted, config)
    np.testing.assert_allclose([float(part) for part in parts], expected, rtol=1e-4, atol=1e-5)


def test_three_negatives_for_each_positive_and_the_hardest_first():
    labels = np.array([[1, 0, 0, 0, 0, 0]])
    hard = np.array([[9.0, 1.0, 4.0, 2.0, 5.0, 3.0]])
    chosen = in_both(mine, hard, labels, Loss(negatives=3))
    np.testing.assert_array_equal(chosen, [[False, False, True, False, True, True]])


def test_ties_go_to_the_lower_index():
    chosen = in_both(mine, np.ones((1, 5)), np.array([[0, 0, 1, 0, 0]]), Loss(negatives=2, min_negatives=0))
    np.testing.assert_array_equal(chosen, [[True, True, False, False, False]])


def test_an_ignored_prior_is_never_mined():
    chosen = in_both(mine, np.array([[5.0, 1.0]]), np.array([[-1, 0]]), Loss(min_negatives=2))
    np.testing.assert_array_equal(chosen, [[False, True]])


@pytest.mark.parametrize(("floor", "count"), [(0, 0), (3, 3), (99, 4)])
def test_an_image_without_objects_gives_the_floor(floor, count):
    chosen = in_both(mine, np.arange(4.0)[None], np.zeros((1, 4), int), Loss(min_negatives=floor))
    assert chosen.sum() == count


def test_smooth_l1_by_hand():
    np.testing.assert_allclose(in_both(smooth_l1, np.array([0.0, 0.5, -0.5, 1.0, -3.0])), [0, 0.125, 0.125, 0.5, 2.5])


def test_one_prior_by_hand():
    """Logits of equal size over 4 classes: log 4 for the positive, log 4 for each of the two backgrounds there are."""
    parts = in_both(
        multibox_loss,
        np.array([[2, 0, 0]]),
        np.zeros((1, 3, 4), "f4"),
        np.zeros((1, 3, 4), "f4"),
        np.full((1, 3, 4), 2.0, "f4"),
        Loss(),
    )
    assert float(parts.classification) == pytest.approx(3 * math.log(4), rel=1e-6)
    assert float(parts.localisation) == pytest.approx(4 * 1.5)
    assert float(parts.positives) == 1


def test_targets_of_priors_that_are_not_positive_do_not_count():
    labels, logits = np.array([[0, -1]]), np.zeros((1, 2, 3), "f4")
    predicted = np.zeros((1, 2, 4), "f4")
    parts = in_both(multibox_loss, labels, np.full((1, 2, 4), np.nan, "f4"), logits, predicted, Loss())
    assert float(parts.localisation) == 0
