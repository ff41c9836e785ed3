"""The losses of each prior, next to the Keras loss that trains."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from multibox.config import Loss
from multibox.explain.loss import hardest_negatives, losses_of
from multibox.losses.multibox import mine, multibox_loss

PRIORS, CLASSES = 60, 4
VARIANCES = (0.1, 0.1, 0.2, 0.2)
SCHEMA = SimpleNamespace(network=SimpleNamespace(size=(200, 300)), priors=SimpleNamespace(variances=VARIANCES))


def make_case(seed, positives=0.1):
    """Targets, a network's outputs, and priors relative to the input."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(PRIORS) < positives, rng.integers(1, CLASSES + 1, PRIORS), 0)
    labels[rng.random(PRIORS) < 0.1] = -1
    logits = rng.normal(0, 3, (PRIORS, CLASSES + 1)).astype(np.float32)
    deltas, predicted = rng.normal(0, 1, (2, PRIORS, 4)).astype(np.float32)
    predicted[::7] *= 1e4  # wild ones, as from a network that diverges
    corner = rng.uniform(0, 0.7, (PRIORS, 2))
    priors_rel = np.concatenate([corner, corner + rng.uniform(0.05, 0.3, (PRIORS, 2))], axis=1).astype(np.float32)
    return labels, deltas, logits, predicted, priors_rel


@pytest.mark.parametrize("boxes", ["smooth_l1", "giou", "diou", "ciou"])
@pytest.mark.parametrize("classes", ["softmax", "focal", "varifocal"])
def test_it_is_the_loss_that_trains(classes, boxes):
    ops = pytest.importorskip("keras").ops
    config = Loss(classes=classes, boxes=boxes, box_weight=2.5)
    for seed in range(4):
        *arrays, priors_rel = make_case(seed, positives=0.1 if seed else 0)
        batch, priors = [array[None] for array in arrays], priors_rel * np.float32([300, 200, 300, 200])
        parts = multibox_loss(*batch, config, priors, VARIANCES, xp=ops)
        each = losses_of(*arrays, priors_rel, SCHEMA, config)
        expected = [float(parts.classification), float(parts.localisation)]
        np.testing.assert_allclose([each.classes.sum(), each.boxes.sum()], expected, rtol=1e-4, atol=1e-5)
        assert each.total == pytest.approx(sum(expected), rel=1e-4)


@pytest.mark.parametrize(("negatives", "least"), [(3, 3), (1.5, 0), (3, 20), (999, 0)])
def test_the_hardest_negatives_are_those_that_train_in_the_order_of_their_losses(negatives, least):
    ops = pytest.importorskip("keras").ops
    config = Loss(negatives=negatives, min_negatives=least)
    for seed in range(10):
        labels, deltas, logits, predicted, priors_rel = make_case(seed)
        background = np.log(np.exp(logits).sum(axis=1)) - logits[:, 0]
        mined = losses_of(labels, deltas, logits, predicted, priors_rel, SCHEMA, config).hardest
        expected = np.asarray(mine(background[None], labels[None], config, xp=ops))[0]
        assert sorted(mined.tolist()) == np.flatnonzero(expected).tolist()
        assert (np.diff(background[mined]) <= 0).all()
        assert hardest_negatives(background, labels, config).tolist() == mined.tolist()


def test_only_priors_that_count_have_a_loss():
    """Logits of equal size over 4 columns: log 4 each. Deltas 2 apart: 4 times 1.5. Ignored priors: nothing."""
    labels, apart = np.array([2, 0, -1, 0]), np.array([[2.0] * 4] * 4, np.float32)
    zeros = np.zeros((4, 4), np.float32)
    losses = losses_of(labels, zeros, zeros, apart, zeros, SCHEMA, Loss(negatives=1, min_negatives=1, box_weight=0.5))
    np.testing.assert_allclose(losses.classes, [math.log(4), math.log(4), 0, 0], rtol=1e-6)
    np.testing.assert_allclose(losses.boxes, [3, 0, 0, 0])
    assert losses.hardest.tolist() == [1]


def test_of_equal_negatives_the_first_comes_first():
    losses = np.array([1.0, 3.0, 2.0, 3.0])
    assert hardest_negatives(losses, np.zeros(4, int), Loss(min_negatives=3)).tolist() == [1, 3, 2]
