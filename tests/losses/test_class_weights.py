"""Factors of classes in the loss: on positives of their class alone, in NumPy and on the backend, with gradients."""

import numpy as np
import pytest
from keras import ops

from box_losses import batch
from gradients import gradients
from multibox.config import Loss
from multibox.config_file import load_config
from multibox.errors import BadInput
from multibox.losses.multibox import class_factors, multibox_loss, prior_losses
from namespaces import in_both

FACTORS = {"a": 1.0, "b": 2.5, "c": 7.0}
CLASSES = ("softmax", "focal", "varifocal")


def each_prior(classes, factors, seed=0, xp=None):
    labels, deltas, logits, predicted, priors = batch(seed)
    config = Loss(classes=classes, class_weights=factors)
    return labels, in_both(prior_losses, labels, deltas, logits, predicted, config, priors)


def slow_extra(classes, seed=0):
    """REFERENCE: what the factors add to the loss of each prior: (factor - 1) times the loss of its own class."""
    labels, _, logits, _, _ = batch(seed)
    extra = np.zeros(labels.shape)
    for image, prior in zip(*np.nonzero(labels > 0), strict=True):
        x, label = logits[image, prior].astype(float), labels[image, prior]
        if classes == "softmax":
            own = np.log(np.exp(x).sum()) - x[label]
        else:
            p = 1 / (1 + np.exp(-x[label]))
            own = -0.25 * (1 - p) ** 2 * np.log(p)
        extra[image, prior] = (list(FACTORS.values())[label - 1] - 1) * own
    return extra


@pytest.mark.parametrize("classes", CLASSES[:2])
@pytest.mark.parametrize("seed", range(2))
def test_a_factor_multiplies_the_loss_of_its_class_alone(classes, seed):
    _, plain = each_prior(classes, "none", seed)
    _, weighted = each_prior(classes, FACTORS, seed)
    np.testing.assert_allclose(weighted.classes - plain.classes, slow_extra(classes, seed), rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(weighted.boxes, plain.boxes)


def test_a_factor_multiplies_the_varifocal_loss_of_the_present_class():
    labels, plain = each_prior("varifocal", "none")
    _, doubled = each_prior("varifocal", dict.fromkeys("abc", 2.0))
    _, tripled = each_prior("varifocal", dict.fromkeys("abc", 3.0))
    assert (doubled.classes > plain.classes)[labels > 0].all()
    np.testing.assert_allclose(tripled.classes - plain.classes, 2 * (doubled.classes - plain.classes), rtol=1e-3)


@pytest.mark.parametrize("classes", CLASSES)
def test_background_and_ignored_priors_keep_their_loss(classes):
    labels, plain = each_prior(classes, "none")
    _, weighted = each_prior(classes, FACTORS)
    assert plain.classes[labels == 0].any()
    np.testing.assert_allclose(weighted.classes[labels <= 0], plain.classes[labels <= 0], rtol=1e-6)


@pytest.mark.parametrize("classes", CLASSES)
def test_factors_of_1_change_nothing(classes):
    np.testing.assert_allclose(
        each_prior(classes, dict.fromkeys("abc", 1.0))[1].classes, each_prior(classes, "none")[1].classes, rtol=1e-6
    )


def test_the_gradient_of_a_positive_grows_by_its_factor():
    labels, deltas, logits, predicted, priors = batch(1)

    def total(factors):
        config = Loss(class_weights=factors)
        return lambda x: multibox_loss(labels, deltas, x, predicted, config, priors, xp=ops).classification

    (plain,), (weighted,) = (gradients(total(factors), logits) for factors in ("none", FACTORS))
    expected = np.where(labels > 0, np.array([1, *FACTORS.values()])[np.maximum(labels, 0)], 1)
    assert np.abs(plain[labels > 0]).max() > 0
    np.testing.assert_allclose(weighted, plain * expected[..., None], rtol=1e-4, atol=1e-6)


def test_factors_that_are_not_computed_yet():
    with pytest.raises(ValueError, match=r"class_weights: the factors of inverse_sqrt are not computed yet"):
        class_factors(Loss(class_weights="inverse_sqrt"))


@pytest.mark.parametrize("value", ["much", "{cat: 0}", "{cat: -1}", "{cat: true}", "[1, 2]", "3"])
def test_what_is_no_weight_is_said_in_one_line(value):
    with pytest.raises(BadInput, match=r"loss\.class_weights: must be none, inverse_sqrt, or factors above 0"):
        load_config(overrides=[f"loss.class_weights={value}"])
