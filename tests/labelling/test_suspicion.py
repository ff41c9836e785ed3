"""Errors in hand-made labels come first, each as what it is."""

import dataclasses

import numpy as np
import pytest

from labelling.sights import CLASSES, make_record, make_sight, usual_images
from multibox.labelling.suspects import Place, rank
from multibox.labelling.suspicion import Collected, judged, weigh

CAT, DOG = [30, 20, 70, 60], [120, 30, 160, 80]


def judge(*more):
    """All suspects of thirty usual images and some more, the most suspicious first."""
    images = [*usual_images(30), *more]
    collected = Collected(np.random.default_rng(0))
    for record, sight in images:
        collected.add(record, sight)
    places = [Place(0, i, record) for i, (record, _) in enumerate(images)]
    return rank(places, collected.labelled, collected.unlabelled, weigh(*collected.joined()), CLASSES)


SIGHT = make_sight([CAT, DOG], [0, 1], [0.97, 0.95])
WRONG = {
    "missing": make_record([CAT], [0], "wrong"),
    "surplus": make_record([CAT, DOG, [80, 5, 110, 35]], [0, 1, 2], "wrong"),
    "shifted": make_record([CAT, [137, 42, 177, 92]], [0, 1], "wrong"),
    "swapped": make_record([CAT, DOG], [0, 2], "wrong"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_an_error_comes_first_as_what_it_is(kind):
    first, second = judge((WRONG[kind], SIGHT))[:2]
    assert (first.image, first.kind) == ("wrong", kind)
    assert first.suspicion > 0.5 > second.suspicion


def test_a_label_where_nothing_at_all_is_predicted_comes_first():
    first = judge((make_record([CAT], [0], "empty"), make_sight([], [], [])))[0]
    assert (first.image, first.kind, first.proposed_box) == ("empty", "surplus", None)
    assert first.suspicion > 0.5


def test_a_second_box_on_one_object_comes_first_and_the_better_box_is_kept():
    second = [33, 24, 74, 65]
    first, *others = judge((make_record([CAT, second, DOG], [0, 0, 1], "twice"), SIGHT))
    assert (first.image, first.kind, first.object) == ("twice", "surplus", "1")
    assert "second cat" in first.reason
    better = next(each for each in others if (each.image, each.object) == ("twice", "0"))
    assert better.suspicion < 0.2


def test_the_proposal_is_what_the_detector_sees():
    suspects = {kind: judge((record, SIGHT))[0] for kind, record in WRONG.items()}
    assert (suspects["missing"].proposed_name, suspects["missing"].proposed_box) == ("dog", tuple(DOG))
    assert (suspects["missing"].name, suspects["missing"].box) == (None, None)
    assert (suspects["surplus"].proposed_name, suspects["surplus"].proposed_box) == (None, None)
    assert (suspects["shifted"].proposed_name, suspects["shifted"].proposed_box) == ("dog", tuple(DOG))
    assert (suspects["swapped"].name, suspects["swapped"].proposed_name) == ("cow", "dog")


@pytest.mark.parametrize("flag", ["difficult", "crowd"])
def test_labels_that_are_difficult_or_a_crowd_are_no_suspects(flag):
    record = make_record([CAT, [80, 5, 110, 35]], [0, 2], "flagged", **{flag: [False, True]})
    judged_here = [each.object for each in judge((record, make_sight([CAT], [0], [0.9]))) if each.image == "flagged"]
    assert judged_here == ["0"]


def test_a_detection_inside_a_crowd_is_not_missing():
    record = make_record([CAT, [100, 0, 200, 100]], [0, 1], "crowded", crowd=[False, True])
    assert all(each.kind != "missing" for each in judge((record, SIGHT)) if each.image == "crowded")


def test_two_detections_of_different_classes_at_one_place_are_one_missing_object():
    sight = make_sight([CAT, DOG, [121, 31, 161, 81]], [0, 1, 2], [0.97, 0.95, 0.6])
    missing = [each for each in judge((WRONG["missing"], sight)) if (each.image, each.kind) == ("wrong", "missing")]
    assert [each.proposed_name for each in missing] == ["dog"]


def test_labels_of_classes_that_the_model_lacks_are_not_judged_and_their_places_are_not_missing():
    record = make_record([CAT, DOG], [0, 1], "other")
    unknown = dataclasses.replace(record, objects=dataclasses.replace(record.objects, labels=np.array([0, -1])))
    assert [each.object for each in judge((unknown, SIGHT)) if each.image == "other"] == ["0"]


def test_few_labels_are_ranked_all_the_same():
    collected = Collected(np.random.default_rng(0))
    collected.add(WRONG["missing"], SIGHT)
    weighed = weigh(*collected.joined())
    assert weighed.of_labels.shape == (1, 4)
    assert weighed.of_detections == pytest.approx([0.95])


def test_an_image_without_labels_and_detections_adds_nothing():
    empty = (make_record([], [], "empty"), make_sight([], [], []))
    assert len(judge(empty)) == len(judge())
    assert len(judged(empty[0].objects)) == 0
