"""The switches of a modern recipe, all at once: losses, matching and neck."""

import keras
import numpy as np
import pytest

from multibox.config import Config, Loss, load_config
from multibox.data.record import make_objects
from multibox.detect.detector import load
from multibox.losses.multibox import multibox_loss
from multibox.models.backend import jit_compile
from multibox.models.maps import feature_maps
from multibox.models.ssd import build
from multibox.prepare.example import grids_of
from multibox.prepare.targets import make_targets
from multibox.priors import make_priors
from multibox.training.fit import train
from multibox.training.optimizer import make_optimizer
from multibox.training.training_model import TrainingModel, in_pixels

STEPS = 30


def made_up_batch(config: Config, priors_rel):
    """Two noisy pictures with a bright and a dark rectangle each."""
    rng, (height, width) = np.random.default_rng(0), config.network.size
    images, classes, deltas = rng.integers(100, 150, (2, height, width, 3), np.uint8), [], []
    for image, boxes in zip(
        images, [((8, 16, 56, 72), (70, 60, 120, 110)), ((30, 40, 100, 90), (90, 4, 120, 34))], strict=True
    ):
        for (x0, y0, x1, y1), level in zip(boxes, (250, 5), strict=True):
            image[y0:y1, x0:x1] = level
        objects_rel = make_objects(np.array(boxes) / (width, height, width, height), [0, 1])
        targets = make_targets(objects_rel, priors_rel, config=config.match, grids=grids_of(config))
        classes.append(targets[0])
        deltas.append(targets[1])
    return images, {"classes": np.stack(classes), "boxes": np.stack(deltas)}


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "boxes"), [("varifocal", "ciou"), ("focal", "giou")])
def test_all_switches_together_overfit_a_batch(classes, boxes):
    switches = {"loss.classes": classes, "loss.boxes": boxes, "match.method": "atss", "network.neck": "fpn"}
    plain = {"network.size": [128, 128], "network.weights": "none", "network.batch_norm": "trained"}
    rates = {"train.trunk_lr": 1, "train.weight_decay": 0, "network.neck_channels": 64}
    config = load_config(overrides=switches | plain | rates)
    keras.utils.set_random_seed(0)
    priors_rel = make_priors(feature_maps(config.network), config.priors, config.network.size)
    network = build(config.network, 2, config.priors, config.loss.activation)
    model = TrainingModel(network, config.loss, priors_rel, config.priors.variances)
    model.compile(make_optimizer(network, config.network.trunk, config.train, 5e-3), jit_compile=jit_compile())
    images, targets = made_up_batch(config, priors_rel)
    assert (targets["classes"] > 0).sum() >= 8
    losses = []
    for _ in range(STEPS):
        model.reset_metrics()
        logs = model.train_on_batch(images, targets, return_dict=True)
        losses.append({name: float(logs[name]) for name in ("classification", "localisation")})
    assert np.isfinite([list(each.values()) for each in losses]).all()
    first, last = (sum(losses[i].values()) for i in (0, -1))
    assert last < 0.5 * first, losses
    for name in ("classification", "localisation"):
        assert losses[-1][name] < losses[0][name], losses


def test_boxes_are_compared_in_pixels():
    boxes = in_pixels(np.array([[0.25, 0.5, 1, 1]], np.float32), (100, 200))
    np.testing.assert_array_equal(boxes, [[50, 50, 200, 100]])
    assert boxes.dtype == np.float32


def test_the_model_compares_boxes_at_its_priors():
    """Its loss is that of the parts, with the priors in pixels of its oblong input, a positive."""
    rng = np.random.default_rng(0)
    inputs = keras.Input((4, 8, 3))
    network = keras.Model(inputs, {"classes": inputs, "boxes": inputs}, name="network")
    config, variances = Loss(classes="varifocal", boxes="ciou"), (0.2, 0.2, 0.4, 0.4)
    priors_rel = np.array([[0.1, 0.2, 0.5, 0.9], [0.3, 0.3, 0.7, 0.6], [0, 0, 1, 1]], np.float32)
    y = {"classes": np.array([[1, 2, 0]], "int32"), "boxes": rng.normal(size=(1, 3, 4)).astype("f4")}
    y_pred = {name: rng.normal(size=(1, 3, size)).astype("f4") for name, size in (("classes", 3), ("boxes", 4))}
    loss = TrainingModel(network, config, priors_rel, variances).compute_loss(y=y, y_pred=y_pred)
    arrays = (y["classes"], y["boxes"], y_pred["classes"], y_pred["boxes"])
    parts = multibox_loss(*arrays, config, priors_rel * np.array([8, 4, 8, 4], "f4"), variances)
    assert float(loss) == pytest.approx(float(parts.classification + parts.localisation) / 2, rel=1e-6)


def test_a_loss_of_boxes_asks_for_the_priors():
    inputs = keras.Input((4, 4, 3))
    network = keras.Model(inputs, {"classes": inputs, "boxes": inputs}, name="network")
    with pytest.raises(ValueError, match="a loss of varifocal and smooth_l1 needs the priors"):
        TrainingModel(network, load_config(overrides=["loss.classes=varifocal"]).loss)


@pytest.mark.slow
def test_a_run_stores_the_recipe_in_its_model(store_root, tmp_path, monkeypatch):
    """And the model, which scores with sigmoids behind a pyramid, detects from its file."""
    monkeypatch.chdir(tmp_path)
    switches = {"loss.classes": "varifocal", "loss.boxes": "diou", "match.method": "atss", "network.neck": "fpn"}
    plain = {"network.size": [128, 160], "network.weights": "none", "network.batch_norm": "trained"}
    short = {"train.batch": 2, "train.epochs": 1, "train.steps_per_epoch": 2, "network.neck_channels": 16}
    run = train("tiny", overrides=switches | plain | short, name="recipe")
    detector = load(run.model)
    assert (detector.schema.activation, detector.schema.network.neck) == ("sigmoid", "fpn")
    found = detector(np.zeros((60, 80, 3), np.uint8), score=0.001)
    assert len(found) > 0
    assert found.scores.max() < 0.5  # after two steps, as rare as they started
