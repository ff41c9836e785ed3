"""The loss prior by prior, held against the Keras loss that trains."""

import math

import numpy as np
import pytest

from multibox.config import Loss
from multibox.explain.loss import MAX_SCALE, MAX_SHIFT, box_losses, class_losses, fit_of, mine

PRIORS, CLASSES = 60, 4
VARIANCES = (0.1, 0.1, 0.2, 0.2)


def make_case(seed, positives=0.1):
    """Targets, a network's answers, and priors in pixels."""
    rng = np.random.default_rng(seed)
    classes = np.where(rng.random(PRIORS) < positives, rng.integers(1, CLASSES + 1, PRIORS), 0)
    classes[rng.random(PRIORS) < 0.1] = -1
    logits = rng.normal(0, 3, (PRIORS, CLASSES + 1)).astype(np.float32)
    deltas, predicted = rng.normal(0, 1, (2, PRIORS, 4)).astype(np.float32)
    predicted[::7] *= 1e4  # wild ones, as of a network that diverges
    corner = rng.uniform(0, 200, (PRIORS, 2))
    priors = np.concatenate([corner, corner + rng.uniform(10, 90, (PRIORS, 2))], axis=1).astype(np.float32)
    return classes, deltas, logits, predicted, priors


def numpy_loss(classes, deltas, logits, predicted, priors, config):
    positive = np.flatnonzero(classes > 0)
    sides = deltas[positive], predicted[positive], priors[positive], VARIANCES
    quality = np.zeros(PRIORS, np.float32)
    quality[positive] = fit_of(*sides)
    each = class_losses(classes, logits, config, quality)
    negatives = mine(each, classes, config)
    counted = np.concatenate([positive, negatives]) if config.classes == "softmax" else slice(None)
    return each[counted].sum(), box_losses(*sides, config).sum(), negatives


@pytest.mark.parametrize("boxes", ["smooth_l1", "giou", "diou", "ciou"])
@pytest.mark.parametrize("classes", ["softmax", "focal", "varifocal"])
def test_it_is_the_loss_that_trains(classes, boxes):
    losses = pytest.importorskip("multibox.losses.multibox")
    config = Loss(classes=classes, boxes=boxes, box_weight=2.5)
    for seed in range(4):
        case = make_case(seed, positives=0.1 if seed else 0)
        targets, deltas, logits, predicted, priors = case
        parts = losses.multibox_loss(
            targets[None].astype("int32"), deltas[None], logits[None], predicted[None], config, priors, VARIANCES
        )
        of_classes, of_boxes, _ = numpy_loss(*case, config)
        expected = [float(parts.classification), float(parts.localisation)]
        np.testing.assert_allclose([of_classes, of_boxes], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("negatives", "least"), [(3, 3), (1.5, 0), (3, 20), (999, 0)])
def test_the_mined_negatives_are_those_that_train(negatives, least):
    losses = pytest.importorskip("multibox.losses.multibox")
    config = Loss(negatives=negatives, min_negatives=least)
    for seed in range(10):
        classes, _, logits, _, _ = make_case(seed)
        background = class_losses(np.zeros(PRIORS, int), logits, config, np.zeros(PRIORS))
        mined = mine(class_losses(classes, logits, config, np.zeros(PRIORS)), classes, config)
        expected = np.asarray(losses.mine(background[None], classes[None], config))[0]
        assert sorted(mined.tolist()) == np.flatnonzero(expected).tolist()
        assert (np.diff(background[mined]) <= 0).all()  # the hardest first


def test_bounds_are_those_of_the_loss_that_trains():
    decoded = pytest.importorskip("multibox.losses.decoded")
    assert (MAX_SHIFT, MAX_SCALE) == (decoded.MAX_SHIFT, decoded.MAX_SCALE)


def test_by_hand():
    """Logits of equal size over 4 columns: log 4 each; deltas 2 apart: 4 times 1.5; 0.5 apart: 4 times 0.125."""
    classes = np.array([2, 0, -1])
    losses = class_losses(classes, np.zeros((3, 4), np.float32), Loss(), np.zeros(3))
    np.testing.assert_allclose(losses, [math.log(4), math.log(4), 0], rtol=1e-6)
    apart = box_losses(np.zeros((2, 4)), np.array([[2.0] * 4, [0.5] * 4]), np.zeros((2, 4)), VARIANCES, Loss())
    np.testing.assert_allclose(apart, [6, 0.5])


def test_no_priors_that_answer():
    none = np.zeros((0, 4), np.float32)
    for boxes in ("smooth_l1", "giou", "ciou"):
        assert box_losses(none, none, none, VARIANCES, Loss(boxes=boxes)).shape == (0,)
    assert mine(np.array([1.0, 3.0, 2.0]), np.zeros(3, int), Loss(min_negatives=2)).tolist() == [1, 2]
