"""What is explained is what the detector finds, and its arithmetic leads there."""

import json
import re
from dataclasses import asdict

import numpy as np
import pytest

from colored import ColorRuntime, make_schema, paint
from multibox.boxes import iou, to_centers
from multibox.config import Detect
from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.explain.origin import explain_decoding, explain_detections
from multibox.prepare.window import to_window

IMAGE = paint((210, 320), {"red": (40, 20, 240, 180), "blue": (200, 100, 300, 200)})


@pytest.mark.parametrize("resize", ["warp", "letterbox"])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize(
    "changes", [{}, {"agnostic": True}, {"nms": "soft-linear"}, {"nms": "soft-gaussian"}, {"per_image": 7}]
)
def test_it_explains_what_the_detector_finds(make_noisy, resize, activation, changes):
    schema = make_schema(resize=resize, activation=activation, detect=Detect(per_class=40, show=0.3, **changes))
    detector = Detector(make_noisy(schema))
    for score in (None, 0.05, 0.6):
        found, explained = detector(IMAGE, score=score), explain_detections(detector, IMAGE, score).detections
        assert len(found) > 0
        np.testing.assert_array_equal(found.boxes, np.array([one.box for one in explained], np.float32))
        np.testing.assert_array_equal(found.scores, np.array([one.score for one in explained], np.float32))
        assert found.labels.tolist() == [one.label for one in explained]
        assert found.names == [one.name for one in explained]


def test_the_prior_the_logits_and_the_deltas_are_those_of_the_network():
    detector = Detector(ColorRuntime())
    picture = explain_detections(detector, IMAGE, 0.5)
    prepared = detector.prepare(IMAGE)
    (output,) = detector.run([prepared])[0]
    logits, deltas = output["classes"], output["boxes"]
    assert [one.name for one in picture.detections] == ["red", "blue"]
    assert (picture.width, picture.height, picture.input) == (320, 210, (128, 192))
    for one in picture.detections:
        index = one.prior.index
        assert index == logits[:, one.label + 1].argmax()  # ColorRuntime answers on one prior
        assert one.logits == tuple(logits[index].tolist())
        assert one.deltas == tuple(deltas[index].tolist())
        assert one.scores[one.label] == one.score
        np.testing.assert_allclose(one.prior.box_rel, to_centers(detector.priors_rel[index]), rtol=1e-6)
        across = one.prior.box[2] - one.prior.box[0], one.prior.box[3] - one.prior.box[1]
        assert one.prior.ratio == pytest.approx(across[0] * 192 / 320 / (across[1] * 128 / 210), rel=1e-4)


@pytest.mark.parametrize("resize", ["warp", "letterbox"])
def test_the_window_leads_from_the_input_to_the_picture(make_noisy, resize):
    detector = Detector(make_noisy(make_schema(resize=resize)))
    picture = explain_detections(detector, IMAGE, 0.6)
    window = detector.prepare(IMAGE).views[0].window
    assert picture.window == (window.x0, window.y0, window.x1, window.y1)
    assert (picture.window[1] < 0 or picture.window[0] < 0) == (resize == "letterbox")
    for one in picture.detections:
        x0, y0, x1, y1 = picture.window
        box = np.array(one.decode.box_rel) * (x1 - x0, y1 - y0, x1 - x0, y1 - y0) + (x0, y0, x0, y0)
        np.testing.assert_allclose(box.clip(0, (320, 210, 320, 210)), one.box, atol=1e-3)


@pytest.mark.parametrize("agnostic", [False, True])
def test_each_removed_box_is_one_that_the_detection_covers(make_noisy, agnostic):
    schema = make_schema(detect=Detect(agnostic=agnostic))
    detector = Detector(make_noisy(schema))
    window = detector.prepare(IMAGE).views[0].window
    explained = explain_detections(detector, IMAGE, 0.3).detections
    gone = [(one, removed) for one in explained for removed in one.removed]
    assert len(gone) > 20
    for one, removed in gone:
        assert removed.iou > 0.45
        assert removed.score <= one.score
    inside = [
        pair for pair in gone if min(*pair[0].box, *pair[1].box) > 0 and max(pair[1].box[2], pair[0].box[2]) < 320
    ]
    for one, removed in inside:
        if max(one.box[3], removed.box[3]) < 210:  # not cut off, so that the overlap can be worked out again
            boxes = to_window(np.array([one.box, removed.box]), window)
            assert iou(boxes[:1], boxes[1:])[0, 0] == pytest.approx(removed.iou, abs=1e-4)
    taken = [(removed.prior, one.label if not agnostic else 0) for one, removed in gone]
    if not agnostic:
        assert len(set(taken)) == len(taken)  # each went for one box alone


def test_every_candidate_is_kept_or_removed_for_one_that_is(make_noisy):
    runtime = make_noisy()
    explained = explain_detections(Detector(runtime, Detect(per_image=9999)), IMAGE, 0.3).detections
    everything = Detector(runtime, Detect(per_image=9999, nms_iou=1.0))(IMAGE, score=0.3)
    assert len(explained) + sum(len(one.removed) for one in explained) == len(everything) > 200


def test_the_arithmetic_by_hand():
    # A prior of centre (.3, .4) and size (.2, .4), moved as in the test of decode.
    prior = np.array([0.2, 0.2, 0.4, 0.6], np.float32)
    deltas = np.array([5, -2.5, np.log(2) / 0.2, 0], np.float32)
    decoding = explain_decoding(prior, deltas, (0.1, 0.1, 0.2, 0.2))
    assert [step.text for step in decoding.steps] == [
        "cx = 0.3 + 5 * 0.1 * 0.2",
        "cy = 0.4 - 2.5 * 0.1 * 0.4",
        "w = 0.2 * exp(3.466 * 0.2)",
        "h = 0.4 * exp(0 * 0.2)",
        "x0 = 0.4 - 0.4 / 2",
        "y0 = 0.3 - 0.4 / 2",
        "x1 = 0.4 + 0.4 / 2",
        "y1 = 0.3 + 0.4 / 2",
    ]
    np.testing.assert_allclose(
        [step.value for step in decoding.steps], [0.4, 0.3, 0.4, 0.4, 0.2, 0.1, 0.6, 0.5], atol=1e-6
    )
    np.testing.assert_allclose(decoding.box_rel, [0.2, 0.1, 0.6, 0.5], atol=1e-6)


def test_each_line_of_arithmetic_is_true(make_noisy):
    detector = Detector(make_noisy())
    for one in explain_detections(detector, IMAGE, 0.6).detections:
        for step in one.decode.steps:
            name, _, sum_ = step.text.partition(" = ")
            assert re.fullmatch(r"[a-z0-9]{1,2}", name)
            assert eval(sum_, {"exp": np.exp}) == pytest.approx(step.value, abs=2e-3)


def test_nothing_to_explain():
    picture = explain_detections(Detector(ColorRuntime()), paint((50, 60), {}))
    assert picture.detections == ()


def test_a_detector_that_looks_several_times_is_refused():
    for options in ({"tta": True}, {"tiles": 100}):
        with pytest.raises(BadInput, match="load the model with tiles=none and without tta"):
            explain_detections(Detector(ColorRuntime(), **options), IMAGE)


def test_an_image_that_fits_into_a_tile_is_explained():
    whole = explain_detections(Detector(ColorRuntime()), IMAGE)
    assert explain_detections(Detector(ColorRuntime(), tiles=5000), IMAGE) == whole


def test_a_file_that_suppresses_is_refused():
    class Selecting(ColorRuntime):
        has_nms = True

    with pytest.raises(BadInput, match=r"detections cannot be explained; export the model without NMS"):
        explain_detections(Detector(Selecting()), IMAGE)


def test_it_is_plain_numbers():
    json.dumps(asdict(explain_detections(Detector(ColorRuntime()), IMAGE)))
