"""Which prior answers for which object, as training's own targets have it."""

import numpy as np
import pytest

from colored import COLORS, ColorRuntime, make_schema, paint
from multibox.boxes import iou
from multibox.config import Config
from multibox.data.record import make_objects
from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.explain.matching import explain_matching, labelled_objects, training_config
from multibox.losses.multibox import multibox_loss
from multibox.overlaps import overlapping
from multibox.prepare.match import match_exclusively
from multibox.prepare.targets import make_targets
from multibox.prepare.window import look_through
from multibox.priors import prior_grids

BOXES = [(40, 20, 240, 180), (200, 100, 300, 200)]
IMAGE = paint((210, 320), {"red": BOXES[0], "blue": BOXES[1]})
OBJECTS = make_objects(BOXES, [0, 2])


def targets_of(detector, objects, match):
    """What training without augmentation would get."""
    view = detector.prepare(IMAGE).views[0]
    objects_rel, schema = look_through(objects, view.window), detector.schema
    classes, _ = make_targets(
        objects_rel, detector.priors_rel, config=match, grids=prior_grids(schema.maps, schema.priors)
    )
    return objects_rel, classes


@pytest.mark.parametrize("resize", ["warp", "letterbox"])
@pytest.mark.parametrize("match", [{}, {"iou": 0.35}, {"method": "atss"}])
def test_the_positives_are_those_of_training(resize, match, make_noisy):
    detector = Detector(make_noisy(make_schema(resize=resize, training={"match": match})))
    picture = explain_matching(detector, IMAGE, OBJECTS)
    objects_rel, classes = targets_of(detector, OBJECTS, training_config(detector.schema).match)
    assert picture.counts.positives == (classes > 0).sum() > 2
    for i, one in enumerate(picture.objects):
        priors = [positive.prior for positive in one.positives]
        assert sorted(priors) == np.flatnonzero(classes == one.label + 1).tolist()
        expected = iou(objects_rel.boxes[i : i + 1], detector.priors_rel[priors])[0]
        assert [positive.iou for positive in one.positives] == expected.tolist()
        assert (np.diff(expected) <= 0).all()


def test_the_best_prior_is_the_one_that_matching_gives_first():
    """Three objects at one place: each has a best prior of its own, the one that the greedy part of matching made."""
    objects = make_objects([(50, 50, 110, 100), (51, 50, 111, 100), (50, 51, 110, 101)], [0, 1, 2])
    detector = Detector(ColorRuntime())
    picture = explain_matching(detector, IMAGE, objects)
    objects_rel, _ = targets_of(detector, objects, training_config(detector.schema).match)
    owners, priors = match_exclusively(list(overlapping(objects_rel.boxes, detector.priors_rel)))
    pairs = dict(zip(owners.tolist(), priors.tolist(), strict=True))
    assert {i: one.best.prior for i, one in enumerate(picture.objects)} == pairs
    assert len(set(pairs.values())) == 3
    assert [one.best.iou for one in picture.objects] == [one.positives[0].iou for one in picture.objects]


def test_the_negatives_are_mined_and_named(make_noisy):
    detector = Detector(make_noisy(make_schema(training={"loss": {"negatives": 2}})))
    picture = explain_matching(detector, IMAGE, OBJECTS)
    (output,) = detector.run([detector.prepare(IMAGE)])[0]
    logits = output["classes"]
    _, classes = targets_of(detector, OBJECTS, training_config(detector.schema).match)
    assert picture.counts.negatives == len(picture.negatives) == 2 * picture.counts.positives
    assert picture.counts.ratio == 2
    losses = [one.loss for one in picture.negatives]
    assert losses == sorted(losses, reverse=True)
    others = np.flatnonzero(classes == 0)
    background = np.log(np.exp(logits).sum(axis=1)) - logits[:, 0]
    np.testing.assert_allclose(losses, np.sort(background[others])[::-1][: len(losses)], rtol=1e-4)
    for one in picture.negatives:
        assert one.most_like == list(COLORS)[logits[one.prior, 1:].argmax()]
        assert one.loss == pytest.approx(background[one.prior], rel=1e-4)


WEIGHTS = {"class_weights": {"red": 1.0, "green": 2.0, "blue": 7.0}}


@pytest.mark.parametrize(
    "loss",
    [{}, WEIGHTS, {"classes": "focal"}, {"classes": "focal", **WEIGHTS}, {"classes": "varifocal", "boxes": "giou"}],
)
def test_the_loss_of_the_picture_is_that_of_training(loss, make_noisy):
    ops = pytest.importorskip("keras").ops
    schema = make_schema(training={"loss": loss}, activation="sigmoid" if "classes" in loss else "softmax")
    detector = Detector(make_noisy(schema))
    config, (width, height) = training_config(schema), (192, 128)
    picture = explain_matching(detector, IMAGE, OBJECTS)
    (output,) = detector.run([detector.prepare(IMAGE)])[0]
    logits, deltas = output["classes"], output["boxes"]
    objects_rel = look_through(OBJECTS, detector.prepare(IMAGE).views[0].window)
    classes, wanted = make_targets(objects_rel, detector.priors_rel, config=config.match)
    priors = detector.priors_rel * np.array((width, height, width, height), np.float32)
    parts = multibox_loss(classes[None], wanted[None], logits[None], deltas[None], config.loss, priors, xp=ops)
    expected = (float(parts.classification) + float(parts.localisation)) / float(parts.positives)
    assert picture.loss == pytest.approx(expected, rel=1e-4)
    assert picture.config.mined == ("classes" not in loss)


def test_objects_that_are_not_trained_with_keep_their_place():
    names = ("zebra", *COLORS)
    objects = make_objects([*BOXES, (0, 0, 320, 100)], [0, 3, 1], crowd=[0, 0, 1])
    picture = explain_matching(Detector(ColorRuntime()), IMAGE, objects, names)
    assert [(one.name, one.label, one.trained) for one in picture.objects] == [
        ("zebra", -1, False),
        ("blue", 2, True),
        ("red", 0, False),
    ]
    assert [len(one.positives) > 0 for one in picture.objects] == [False, True, False]
    assert picture.counts.ignored > 0
    assert picture.objects[0].box == BOXES[0]


def test_a_picture_without_objects():
    picture = explain_matching(Detector(ColorRuntime()), IMAGE, make_objects([], []))
    assert picture.objects == ()
    assert (picture.counts.positives, picture.counts.negatives, picture.counts.ratio) == (0, 3, None)


def test_the_configuration_is_the_models_or_the_papers():
    assert training_config(make_schema()).match == Config().match
    trained = training_config(make_schema(training={"match": {"iou": 0.6}, "network": {"size": [300, 300]}}))
    assert (trained.match.iou, trained.network.size) == (0.6, (128, 192))
    assert training_config(make_schema(activation="sigmoid")).loss.classes == "focal"
    with pytest.raises(BadInput, match=r"training configuration: match\.iou"):
        training_config(make_schema(training={"match": {"iou": 3}}))


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 2, 3, "x"], [5, 5, 5, 9], [0, 0, float("nan"), 9], None])
def test_not_a_box(box):
    with pytest.raises(BadInput, match="objects: each box must be"):
        labelled_objects([0], [box])
