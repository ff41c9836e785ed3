"""The loss of a batch of SSD300's size and its gradients, one prior after the other."""

from math import exp, log

import keras
import numpy as np
import pytest

from gradients import gradients
from multibox.config import Loss
from multibox.config_file import load_config
from multibox.data.record import make_objects
from multibox.models.maps import network_priors
from multibox.prepare.targets import make_targets
from multibox.training.training_model import TrainingModel

CLASSES = 5


@pytest.fixture(scope="module")
def batch():
    """Labels, targets, logits and predictions of four images; the third has no objects, the fourth has most of them."""
    config = load_config("ssd300-vgg16-voc0712")
    priors_rel = network_priors(config.network, config.priors)
    rng = np.random.default_rng(0)
    targets = []
    for count in (1, 4, 0, 30):
        low, size = rng.uniform(0, 0.6, (count, 2)), rng.uniform(0.03, 0.4, (count, 2))
        objects_rel = make_objects(np.concatenate([low, low + size], axis=1), rng.integers(0, CLASSES, count))
        targets.append(make_targets(objects_rel, priors_rel))
    labels, deltas = (np.stack(column) for column in zip(*targets, strict=True))
    labels[1, 100:200][labels[1, 100:200] == 0] = -1  # over a crowd
    logits = rng.normal(0, 2, (*labels.shape, CLASSES + 1)).astype("f4")
    return labels, deltas, logits, deltas + rng.normal(0, 1, deltas.shape).astype("f4")


def loss_and_gradients(labels, deltas, logits, predicted, ratio=3, floor=3):
    """REFERENCE: SSD equations 1 to 3, per image 3 negatives a positive, and at least ``floor``."""
    positives = sum(label > 0 for row in labels for label in row)
    total, by_logits, by_predicted = 0.0, np.zeros(np.shape(logits)), np.zeros(np.shape(predicted))

    def classify(i, j, label):
        powers = [exp(x) for x in logits[i][j]]
        for k, power in enumerate(powers):
            by_logits[i, j, k] = (power / sum(powers) - (k == label)) / positives
        return log(sum(powers)) - logits[i][j][label]

    for i, row in enumerate(labels):
        negatives, own = [], 0
        for j, label in enumerate(row):
            if label == 0:
                negatives.append((log(sum(exp(x) for x in logits[i][j])) - logits[i][j][0], -j))
            if label <= 0:
                continue
            own += 1
            total += classify(i, j, label)
            for k in range(4):
                x = predicted[i][j][k] - deltas[i][j][k]
                total += x * x / 2 if abs(x) < 1 else abs(x) - 1 / 2
                by_predicted[i, j, k] = max(-1, min(1, x)) / positives
        for _, j in sorted(negatives, reverse=True)[: max(ratio * own, floor)]:
            total += classify(i, -j, 0)
    return total / positives, by_logits, by_predicted


def test_loss_and_gradients_of_a_batch(batch):
    labels, deltas, logits, predicted = batch
    inputs = keras.Input((1, 1, 3))
    model = TrainingModel(keras.Model(inputs, {"classes": inputs, "boxes": inputs}, name="any"), Loss())

    def loss(logits, predicted):
        return model.compute_loss(
            y={"classes": labels, "boxes": deltas}, y_pred={"classes": logits, "boxes": predicted}
        )

    total, by_logits, by_predicted = loss_and_gradients(*(array.tolist() for array in batch))
    assert (labels > 0).sum(axis=1).min() == 0
    assert (by_logits[2] != 0).any(axis=-1).sum() == 3  # of the image without objects
    assert float(loss(logits, predicted)) == pytest.approx(total, rel=1e-5)
    got = gradients(loss, logits, predicted)
    np.testing.assert_allclose(got[0], by_logits, atol=1e-6)
    np.testing.assert_allclose(got[1], by_predicted, atol=1e-6)
