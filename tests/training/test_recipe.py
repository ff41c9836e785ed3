"""The switches of a modern recipe, all at once and in all pairs: losses, matching, neck, averages, precision."""

import shutil
from itertools import combinations

import keras
import numpy as np
import pytest

from multibox.config import Config, Loss, Priors
from multibox.config_file import load_config
from multibox.data.record import make_objects
from multibox.detect.load import load
from multibox.export import export_onnx
from multibox.losses.multibox import multibox_loss
from multibox.models import fpn, ssdlite
from multibox.models.backend import computing_in, jit_compile
from multibox.models.maps import network_priors
from multibox.models.ssd import build
from multibox.prepare.example import grids_of
from multibox.prepare.targets import make_targets
from multibox.priors import FeatureMap, make_priors, prior_grids
from multibox.training.checkpoint import Checkpoints, read_variables
from multibox.training.optimizer import make_optimizer
from multibox.training.run_log import STEP_FIELDS
from multibox.training.train import resume, train
from multibox.training.training_model import TrainingModel, in_pixels

STEPS = 30


def made_up_batch(config: Config, priors_rel, grids=()):
    """Two noisy pictures with a bright and a dark rectangle each."""
    rng, (height, width) = np.random.default_rng(0), config.network.size
    images, classes, deltas = rng.integers(100, 150, (2, height, width, 3), np.uint8), [], []
    for image, boxes in zip(
        images, [((8, 16, 56, 72), (70, 60, 120, 110)), ((30, 40, 100, 90), (90, 4, 120, 34))], strict=True
    ):
        for (x0, y0, x1, y1), level in zip(boxes, (250, 5), strict=True):
            image[y0:y1, x0:x1] = level
        objects_rel = make_objects(np.array(boxes) / (width, height, width, height), [0, 1])
        targets = make_targets(objects_rel, priors_rel, config=config.match, grids=grids or grids_of(config))
        classes.append(targets[0])
        deltas.append(targets[1])
    return images, {"classes": np.stack(classes), "boxes": np.stack(deltas)}


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(("classes", "boxes"), [("varifocal", "ciou"), ("focal", "giou")])
def test_all_switches_together_overfit_a_batch(classes, boxes):
    switches = {"loss.classes": classes, "loss.boxes": boxes, "match.method": "atss", "network.neck": "fpn"}
    plain = {"network.size": [128, 128], "network.weights": "none", "network.batch_norm": "trained"}
    rates = {"train.trunk_lr": 1, "train.weight_decay": 0, "network.neck_channels": 64}
    config = load_config(overrides=switches | plain | rates)
    keras.utils.set_random_seed(0)
    priors_rel = network_priors(config.network, config.priors)
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
    parts = multibox_loss(*arrays, config, priors_rel * np.array([8, 4, 8, 4], "f4"), variances, xp=keras.ops)
    assert float(loss) == pytest.approx(float(parts.classification + parts.localisation) / 2, rel=1e-6)


def test_a_loss_of_boxes_asks_for_the_priors():
    inputs = keras.Input((4, 4, 3))
    network = keras.Model(inputs, {"classes": inputs, "boxes": inputs}, name="network")
    with pytest.raises(ValueError, match="the losses varifocal and smooth_l1 need the priors"):
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


SWITCHES = ("loss.classes", "loss.boxes", "match.method", "network.neck", "train.ema", "train.precision")
COMBINATIONS = [
    ("softmax", "smooth_l1", "atss", "fpn", 0.9, "float32"),
    ("softmax", "giou", "atss", "fpn", 0.9, "mixed_bfloat16"),
    ("softmax", "diou", "threshold", "fpn", 0.0, "mixed_float16"),
    ("softmax", "ciou", "threshold", "none", 0.0, "float32"),
    ("focal", "smooth_l1", "threshold", "none", 0.0, "mixed_bfloat16"),
    ("focal", "giou", "threshold", "none", 0.0, "mixed_float16"),
    ("focal", "diou", "atss", "none", 0.9, "float32"),
    ("focal", "ciou", "atss", "fpn", 0.9, "mixed_bfloat16"),
    ("varifocal", "smooth_l1", "atss", "fpn", 0.9, "mixed_float16"),
    ("varifocal", "giou", "threshold", "fpn", 0.9, "float32"),
    ("varifocal", "diou", "atss", "none", 0.0, "mixed_bfloat16"),
    ("varifocal", "ciou", "threshold", "none", 0.9, "mixed_float16"),
]


def test_the_combinations_hold_each_pair_of_values():
    for first, second in combinations(range(len(SWITCHES)), 2):
        values = [{row[switch] for row in COMBINATIONS} for switch in (first, second)]
        assert len({(row[first], row[second]) for row in COMBINATIONS}) == len(values[0]) * len(values[1])


def tiny_network(config: Config, maps):
    """Two maps of a few channels with the neck and the heads of SSDLite: two classes, four priors a cell."""
    image = keras.Input((128, 128, 3), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 128, -1.0, name="normalize")(image)
    x = keras.layers.Conv2D(8, 7, 16, padding="same", activation="relu", name="a")(x)
    features = {"a": x, "b": keras.layers.Conv2D(16, 3, 2, padding="same", activation="relu", name="b")(x)}
    if config.network.neck == "fpn":
        features = fpn.pyramid(features, 8, light=True)
    outputs = {}
    for kind, size in (("classes", 3), ("boxes", 4)):
        heads = [ssdlite.head(features[fmap.name], 4 * size, f"{fmap.name}_head_{kind}", 0.0) for fmap in maps]
        flat = [keras.layers.Reshape((-1, size))(head) for head in heads]
        outputs[kind] = keras.layers.Concatenate(axis=1, dtype="float32", name=kind)(flat)
    return keras.Model(image, outputs, name="tiny")


@pytest.mark.slow
@pytest.mark.parametrize("values", COMBINATIONS, ids=lambda values: "-".join(map(str, values)))
def test_the_switches_combine(values):
    """Some steps change every trained variable, and nothing is not finite. In float16 the first few find the scale."""
    config = load_config(overrides=dict(zip(SWITCHES, values, strict=True)) | {"network.size": [128, 128]})
    maps = (FeatureMap("a", 8, 8, 16, 16), FeatureMap("b", 4, 4, 32, 32))
    priors = Priors(sizes=(60, 120, 200), ratios=((2,), (2,)))
    priors_rel = make_priors(maps, priors, config.network.size)
    images, targets = made_up_batch(config, priors_rel, prior_grids(maps, priors))
    keras.utils.set_random_seed(0)
    with computing_in(config.train.precision):
        network = tiny_network(config, maps)
        model = TrainingModel(network, config.loss, priors_rel, config.priors.variances)
        optimizer = make_optimizer(network, config.network.trunk, config.train, 1e-2)
        model.compile(optimizer, run_eagerly=True)  # to compile takes longer than so few steps
        optimizer.build(model.trainable_variables)
    before = read_variables(network.trainable_variables)
    for _ in range(6):
        loss = model.train_on_batch(images, targets, return_dict=True)["loss"]
    assert np.isfinite(float(loss))
    assert int(optimizer.first_skipped) == -1
    for name, weights in read_variables(network.trainable_variables).items():
        assert np.isfinite(weights).all(), name
        assert (weights != before[name]).any(), name
    assert network.get_layer("a").compute_dtype == values[-1].removeprefix("mixed_")


@pytest.mark.slow
@pytest.mark.long
def test_the_modern_preset_trains_goes_on_and_is_exported(store_root, tmp_path, monkeypatch):
    """With mosaic until its last steps, on images as they are; stopped before those, it ends bit for bit the same."""
    monkeypatch.chdir(tmp_path)
    plain = {"network.size": [128, 128], "network.weights": "none", "network.batch_norm": "trained"}
    still = {"augment.expand.probability": 0, "augment.crop.probability": 0, "augment.distort.probability": 0}
    length = {"train.batch": 2, "train.epochs": 2, "train.steps_per_epoch": 30, "train.log_every": 10}
    fast = {"train.lr": 5e-3, "train.trunk_lr": 1, "train.warmup_steps": 1, "train.ema": 0.9, "train.keep": 99}
    overrides = plain | still | length | fast | {"train.checkpoint_every": 25}
    run = train("tiny", config="ssdlite-efficientnet-modern", overrides=overrides, name="whole")
    losses = [
        float(line.split(",")[STEP_FIELDS.index("loss")]) for line in (run.folder / "log.csv").read_text().split()[1:]
    ]
    assert losses[-1] < 0.9 * losses[0]
    cut = tmp_path / "experiments" / "cut"
    shutil.copytree(run.folder, cut)
    for path in (cut / "checkpoints").iterdir():
        if int(path.stem.removeprefix("step-")) > 50:
            path.unlink()
    resume("cut")
    ends = [Checkpoints(folder / "checkpoints").latest() for folder in (run.folder, cut)]
    assert [end.state.step for end in ends] == [60, 60]
    for name, array in ends[0].arrays.items():
        np.testing.assert_array_equal(ends[1].arrays[name], array, err_msg=name)
    pytest.importorskip("onnx")
    export_onnx(run.model, tmp_path / "model.onnx")
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    from_keras, from_onnx = (load(path)(image, score=0.001) for path in (run.model, tmp_path / "model.onnx"))
    assert len(from_keras) == len(from_onnx) > 0
    np.testing.assert_allclose(from_onnx.scores, from_keras.scores, atol=1e-3)
