"""The losses that may take the place of softmax and smooth L1, inside the whole: all pairs of them."""

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from box_losses import batch, by_the_paper
from gradients import gradients
from multibox.boxes import decode, iou
from multibox.config import Loss
from multibox.losses.multibox import multibox_loss
from namespaces import in_both

CLASSES, BOXES = ("softmax", "focal", "varifocal"), ("smooth_l1", "giou", "diou", "ciou")
PAIRS = list(product(CLASSES, BOXES))
VARIANCES = (0.1, 0.1, 0.2, 0.2)


def loss_of(labels, deltas, logits, predicted, priors, config):
    parts = in_both(multibox_loss, labels, deltas, logits, predicted, config, priors, VARIANCES)
    return [float(part) for part in parts]


def slow_loss(labels, deltas, logits, predicted, priors, config):
    """REFERENCE: the sigmoid losses and those of boxes, one prior and one class after the other, in float64."""
    classification = localisation = 0.0
    for image, prior in np.ndindex(labels.shape):
        label = labels[image, prior]
        found, wanted = (
            decode(d[image, prior].astype(float), priors[prior].astype(float)) for d in (predicted, deltas)
        )
        if label > 0:
            localisation += by_the_paper(config.boxes, found, wanted)
        for k, x in enumerate(logits[image, prior].astype(float)[1:]):
            p = 1 / (1 + np.exp(-x))
            if label < 0:
                continue
            if config.classes == "focal":
                there = label == k + 1
                classification -= 0.25 * (1 - p) ** 2 * np.log(p) if there else 0.75 * p**2 * np.log(1 - p)
                continue
            q = iou(found[None], wanted[None]).item() if label == k + 1 else 0
            classification -= q * (q * np.log(p) + (1 - q) * np.log(1 - p)) if q > 0 else 0.75 * p**2 * np.log(1 - p)
    return classification, localisation, (labels > 0).sum()


@pytest.mark.parametrize(("classes", "boxes"), product(CLASSES[1:], BOXES[1:]))
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_slow_way(classes, boxes, seed):
    config = Loss(classes=classes, boxes=boxes)
    np.testing.assert_allclose(loss_of(*batch(seed), config), slow_loss(*batch(seed), config), rtol=1e-4)


def test_the_switches_are_independent():
    results = {pair: loss_of(*batch(0), Loss(classes=pair[0], boxes=pair[1])) for pair in PAIRS}
    for classes, boxes in PAIRS:
        assert results[classes, boxes][0] == results[classes, "giou"][0]
        assert results[classes, boxes][1] == results["focal", boxes][1]


def test_the_default_needs_no_priors_and_is_ssds():
    labels, deltas, logits, predicted, priors = batch(0)
    plain = [float(part) for part in in_both(multibox_loss, labels, deltas, logits, predicted, Loss())]
    assert plain == loss_of(labels, deltas, logits, predicted, priors, Loss(classes="softmax", boxes="smooth_l1"))


@pytest.mark.parametrize("classes", CLASSES[1:])
def test_the_sigmoid_losses_do_not_look_at_column_0_nor_at_ignored_priors(classes):
    labels, deltas, logits, predicted, priors = batch(1)
    changed = logits.copy()
    changed[..., 0] += 100
    changed[labels < 0] += 50
    config = Loss(classes=classes)
    assert (labels < 0).any()
    assert loss_of(labels, deltas, changed, predicted, priors, config) == loss_of(
        labels, deltas, logits, predicted, priors, config
    )


def test_the_varifocal_target_is_a_constant():
    """Scores do not pull at the boxes: with smooth L1, what the boxes learn is the same with and without it."""
    labels, deltas, logits, predicted, priors = batch(2)

    def total(config):
        return lambda p: sum(multibox_loss(labels, deltas, logits, p, config, priors, xp=ops)[:2])

    (ours,), (plain,) = (gradients(total(Loss(classes=classes)), predicted) for classes in ("varifocal", "softmax"))
    np.testing.assert_array_equal(ours, plain)


@pytest.mark.parametrize(("classes", "boxes"), PAIRS)
@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e3, 1e15])
def test_losses_and_gradients_are_finite(classes, boxes, share, size):
    """Without positives, with predictions at the prior, and with degenerate ones; what is no target is wild."""
    labels, deltas, logits, predicted, priors = batch(3, share=share)
    deltas = np.where(labels[..., None] > 0, deltas, 1e30).astype("f4") if boxes != "smooth_l1" else deltas
    config = Loss(classes=classes, boxes=boxes)

    def total(x, p):
        parts = multibox_loss(labels, deltas, x, p, config, priors, xp=ops)
        return (parts.classification + parts.localisation) / ops.maximum(parts.positives, 1.0)

    values = gradients(total, logits * np.float32(size), predicted * np.float32(size))
    assert all(np.isfinite(value).all() for value in values)
    assert np.isfinite(float(total(logits * np.float32(size), predicted * np.float32(size))))
    moves = np.abs(values[1]).sum(axis=-1) > 0
    assert not moves[labels <= 0].any()
    if share and size < 10:
        assert moves[labels > 0].all()


@pytest.mark.parametrize("boxes", BOXES[1:])
def test_a_box_beyond_the_bound_still_comes_back(boxes):
    labels, deltas = np.array([[1]], "int32"), np.zeros((1, 1, 4), "f4")
    priors = np.array([[100, 100, 140, 140]], "f4")
    wild = np.array([[[0, 0, 60, -60]]], "f4")
    logits, config = np.zeros((1, 1, 2), "f4"), Loss(boxes=boxes)
    (gradient,) = gradients(
        lambda p: multibox_loss(labels, deltas, logits, p, config, priors, xp=ops).localisation, wild
    )
    assert gradient[0, 0, 2] > 0
    assert gradient[0, 0, 3] < 0


@pytest.mark.parametrize("boxes", BOXES[1:])
def test_following_the_gradient_leads_to_the_object(boxes):
    labels, target = np.array([[1]], "int32"), np.array([[[2, -1, 1.5, -1]]], "f4")
    priors, predicted = np.array([[100, 100, 140, 140]], "f4"), np.array([[[0, 0, 0, 0]]], "f4")
    logits = np.zeros((1, 1, 2), "f4")

    def distance(p):
        return multibox_loss(labels, target, logits, p, Loss(boxes=boxes), priors, xp=ops).localisation

    first = float(distance(predicted))
    for step in range(80):
        predicted = predicted - 5 * 0.97**step * gradients(distance, predicted)[0]
    assert float(distance(predicted)) < 0.12 * first


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.long), "torch"])
def test_all_of_it_on_the_other_backend(backend):
    pytest.importorskip(backend)
    if backend == keras.backend.backend():
        pytest.skip("this one")
    command = [sys.executable, "-m", "pytest", "-m", "not slow", "-p", "no:cacheprovider", str(Path(__file__).parent)]
    subprocess.run(command, check=True, env=os.environ | {"KERAS_BACKEND": backend})
